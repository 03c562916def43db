"""What a person may say of a machine, and what is told about the rest."""

from __future__ import annotations

import pytest
from osimage.errors import DeclarationError, StepError, Where
from osimage.machine.declaration import MachineDeclaration, declare_machine, size_of, split_arguments

WHERE = Where("SConstruct", 7, 'env.Machine(name="run")')


def faults(**said: object) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        declare_machine(**{"name": "run", "image": "build/hello.img", "where": WHERE} | said)
    return list(caught.value.faults)


def test_defaults() -> None:
    assert declare_machine(name="run", image="build/hello.img", where=WHERE) == MachineDeclaration(
        "run", "build/hello.img", WHERE, memory="128M", disk="virtio", qemu_args=(), serial="stdio"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"memory": 128}, 'memory= wants a text such as "128M", not 128.'),
        ({"memory": "128"}, 'memory="128" wants a number with the unit K, M, G or T. Did you mean "128M"?'),
        ({"memory": "128MB"}, 'memory="128MB" wants a number with the unit K, M, G or T. Did you mean "128M"?'),
        ({"memory": "2 gib"}, 'memory="2 gib" wants a number with the unit K, M, G or T. Did you mean "2G"?'),
        ({"memory": "1.5G"}, 'memory="1.5G" wants a number with the unit K, M, G or T. Did you mean "1536M"?'),
        ({"memory": "much"}, 'memory="much" wants a number with the unit K, M, G or T, such as "128M".'),
        ({"memory": ""}, 'memory="" wants a number with the unit K, M, G or T, such as "128M".'),
        ({"memory": "-1M"}, 'memory="-1M" wants a number with the unit K, M, G or T, such as "128M".'),
        ({"memory": "64K"}, 'memory="64K" is too little: the firmware alone needs "2M".'),
        ({"memory": "0M"}, 'memory="0M" is too little: the firmware alone needs "2M".'),
        ({"disk": "vritio"}, "disk= wants \"virtio\" or \"ide\", not 'vritio'. Did you mean 'virtio'?"),
        ({"disk": "IDE"}, "disk= wants \"virtio\" or \"ide\", not 'IDE'."),
        ({"disk": None}, 'disk= wants "virtio" or "ide", not None.'),
        ({"serial": "stido"}, 'serial= wants "stdio", "none" or a file such as "build/serial.log", not \'stido\'.'
         " Did you mean 'stdio'?"),
        ({"serial": False}, 'serial= wants "stdio", "none" or the name of a file, not False.'),
        ({"name": "my machine"}, "name= wants a word that can be typed after 'scons', not 'my machine'."),
        ({"name": ""}, "name= wants a word that can be typed after 'scons', not ''."),
        ({"name": 3}, "name= wants a word that can be typed after 'scons', not 3."),
        ({"qemu_args": 5}, 'qemu_args= wants texts such as ["-smp", "2"], not 5.'),
        ({"qemu_args": ["-smp", 2]}, "qemu_args= wants texts such as [\"-smp\", \"2\"], not ['-smp', 2]."),
        ({"qemu_args": ["-smp 2"]}, "qemu_args= has '-smp 2' as one argument. Write '-smp', '2'."),
        ({"qemu_args": '-name "x'}, 'qemu_args=-name "x has a quotation mark without its partner.'),
        ({"qemu_args": ["-daemonize"]}, "qemu_args= has '-daemonize', which would leave QEMU running unseen."
         " Leave it out."),
    ],
)  # fmt: skip
def test_a_fault_is_told(said: dict[str, object], told: str) -> None:
    assert faults(**said) == [told]


def test_all_faults_are_told_at_once_and_with_the_line() -> None:
    with pytest.raises(DeclarationError) as caught:
        declare_machine(name="run", image="x", where=WHERE, memory="1", disk="scsi", qemu_args=["-s 1"], serial=0)
    assert len(caught.value.faults) == 4
    assert str(caught.value).startswith('SConstruct:7: env.Machine(name="run"): memory="1" wants')


@pytest.mark.parametrize("disk", ["virtio", "ide"])
@pytest.mark.parametrize("memory", ["2M", "128M", "128m", "4G", "4096K"])
def test_what_qemu_takes_is_taken(disk: str, memory: str) -> None:
    machine = declare_machine(name="a.b-c", image="x", where=WHERE, memory=memory, disk=disk, serial="build/serial.log")
    assert (machine.memory, machine.disk, machine.serial) == (memory, disk, "build/serial.log")


def test_arguments_may_be_one_text_as_a_shell_reads_it() -> None:
    machine = declare_machine(name="run", image="x", where=WHERE, qemu_args="-smp 2 -drive 'file=a b.img,if=ide'")
    assert machine.qemu_args == ("-smp", "2", "-drive", "file=a b.img,if=ide")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [("", ()), ("  ", ()), ("-d int -D 'my log'", ("-d", "int", "-D", "my log")), (r"-name a\ b", ("-name", "a b"))],
)
def test_arguments_are_split_as_a_shell_does(text: str, arguments: tuple[str, ...]) -> None:
    assert split_arguments("QEMU_ARGS", text) == arguments


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-name 'x", "QEMU_ARGS=-name 'x has a quotation mark without its partner."),
        ("-name x\\", "QEMU_ARGS=-name x\\ ends with a lone backslash."),
        ("'-smp 2'", "QEMU_ARGS= has '-smp 2' as one argument. Write '-smp', '2'."),
        ("--daemonize", "QEMU_ARGS= has '-daemonize', which would leave QEMU running unseen. Leave it out."),
    ],
)
def test_arguments_that_cannot_be_split_are_told(text: str, told: str) -> None:
    with pytest.raises(StepError) as caught:
        split_arguments("QEMU_ARGS", text)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "size"), [("2M", 2 << 20), ("3g", 3 << 30), ("1K", 1024), ("1T", 1 << 40), ("9", None)]
)
def test_size_of(text: str, size: int | None) -> None:
    assert size_of(text) == size
