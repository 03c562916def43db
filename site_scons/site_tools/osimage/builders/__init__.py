"""What an SConstruct can say, one file a method; each method's docstring is its manual."""

from .bootloader import Bootloader
from .cargo_project import CargoProject
from .cargo_tests import CargoTests
from .disk_image import DiskImage
from .kernel import Kernel
from .machine import Machine
from .sysroot import Sysroot
from .target_spec import TargetSpec
from .test import Test

METHODS = {
    "TargetSpec": TargetSpec,
    "Sysroot": Sysroot,
    "Kernel": Kernel,
    "Bootloader": Bootloader,
    "DiskImage": DiskImage,
    "Machine": Machine,
    "Test": Test,
    "CargoTests": CargoTests,
    "CargoProject": CargoProject,
}
