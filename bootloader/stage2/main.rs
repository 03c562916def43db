//! Stage 2 of osimage's BIOS loader: finds memory, reads and checks the kernel, maps it, and enters it.
//!
//! Real-mode assembly (`real/`) checks the processor, opens A20 and enters 64-bit mode; from there on it is Rust, which
//! goes back to real mode only for BIOS calls. Whatever is wrong is told on screen and COM1, by `stop!`, and ends it.
#![no_std]
#![no_main]

#[macro_use]
#[path = "../shared/assemble.rs"]
mod assemble;

#[macro_use]
mod console;

mod acpi;
mod address_space;
mod bios;
mod disk;
mod elf;
mod exceptions;
mod global;
mod handover;
mod load;
mod memory;
mod parameters;
mod ports;
mod relocate;
mod sha256;
mod tables;

use bios::{LOW_BUFFER_SIZE, REGISTERS_SIZE};
use layout::*;
use osimage_boot_info::MemoryKind;
use tables::{CODE16, CODE32, CODE64, DATA, DATA16, EXCEPTIONS};

assemble! {
    constants: [
        BOOT_TABLES_ADDRESS BOOT_TABLES_SIZE CODE16 CODE32 CODE64 COM1_PORT DATA DATA16 EXCEPTIONS LOW_BUFFER_SIZE
        PAGE_SIZE REAL_STACK_TOP REGISTERS_SIZE STAGE2_MAGIC STAGE2_MAGIC_OFFSET STAGE2_PARAMETERS_END
    ],
    files: [
        "real/modes.s" "real/entry.s" "real/processor.s" "real/a20.s" "../shared/print.s" "long/entry.s"
        "long/exceptions.s"
    ],
}

/// Where `long/entry.s` goes once the processor is in 64-bit mode.
#[unsafe(no_mangle)]
extern "C" fn loader_main(drive: u8) -> ! {
    tables::install();
    let parameters = parameters::read();
    let memory = memory::from_firmware();
    let image = disk::read_kernel(drive, &parameters, memory);
    let digest = sha256::digest(image);
    if digest != parameters.kernel_sha256 {
        stop!("the kernel on the disk is damaged: its SHA-256 is {digest}, not {}", parameters.kernel_sha256);
    }
    let kernel = elf::check(image);
    let placed = load::place(&kernel, memory);
    let stack = memory.take("stack", parameters.stack_size, MemoryKind::KernelStack);
    let record = memory.take("boot information", BOOT_INFO_SIZE, MemoryKind::BootInfo);
    let space = address_space::for_kernel(&placed, stack, parameters.stack_size, record, memory);
    handover::write_record(record, drive, &parameters, &placed, image, memory);
    exceptions::watch_kernel(&placed, parameters.stack_size);
    console::clear();
    handover::enter(&space, kernel.entry)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    stop!("the loader has a bug: {}", info.message())
}
