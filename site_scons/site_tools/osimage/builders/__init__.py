"""What an SConstruct can say, one file a method; each method's docstring is its manual."""

from .bootloader import Bootloader
from .disk_image import DiskImage
from .kernel import Kernel
from .machine import Machine
from .sysroot import Sysroot
from .target_spec import TargetSpec

METHODS = {
    "TargetSpec": TargetSpec,
    "Sysroot": Sysroot,
    "Kernel": Kernel,
    "Bootloader": Bootloader,
    "DiskImage": DiskImage,
    "Machine": Machine,
}
