//! Stage 2 of osimage's BIOS loader: finds memory, reads and checks the kernel, maps it, and enters it.
//!
//! Real-mode assembly (`real/`) checks the processor, opens A20 and enters 64-bit mode; from there on it is Rust, which
//! goes back to real mode only for BIOS calls. Whatever is wrong is told on screen and COM1, by `stop!`, and ends it.
#![no_std]
#![no_main]

#[macro_use]
#[path = "../common/assemble.rs"]
mod assemble;

#[macro_use]
mod console;

mod acpi;
mod address_space;
mod bios;
mod bootloader_09;
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
use tables::{CODE16, CODE32, CODE64, DATA, DATA16, EXCEPTIONS};

assemble! {
    constants: [
        BOOT_TABLES_ADDRESS BOOT_TABLES_SIZE CODE16 CODE32 CODE64 COM1_PORT DATA DATA16 EXCEPTIONS LOW_BUFFER_SIZE
        PAGE_SIZE REAL_STACK_TOP REGISTERS_SIZE REST_CHECKSUM_OFFSET REST_COUNT_OFFSET REST_PACKET_OFFSET SECTOR_SIZE
        STAGE2_MAGIC STAGE2_MAGIC_OFFSET STAGE2_PARAMETERS_END STAGE2_READ_SECTORS STAGE2_REST_ADDRESS
    ],
    files: [
        "real/modes.s" "real/entry.s" "real/processor.s" "real/a20.s" "../common/print.s" "long/entry.s"
        "long/exceptions.s"
    ],
}

/// Where `long/entry.s` goes once the processor is in 64-bit mode.
#[unsafe(no_mangle)]
extern "C" fn loader_main(drive: u8) -> ! {
    tables::install();
    let parameters = parameters::read();
    let memory = memory::from_firmware(parameters.bootloader_09.is_some());
    let image = disk::read_kernel(drive, &parameters, memory);
    let digest = sha256::digest(image);
    if digest != parameters.kernel_sha256 {
        stop!("the kernel on the disk is damaged: its SHA-256 is {digest}, not {}", parameters.kernel_sha256);
    }
    let kernel = elf::check(image, parameters.bootloader_09.is_some());
    let placed = load::place(&kernel, memory);
    match &parameters.bootloader_09 {
        Some(expected) => bootloader_09::enter(expected, &parameters, &kernel, &placed, memory),
        None => handover::enter_with_record(drive, &parameters, &kernel, &placed, memory),
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    stop!("the loader has a bug: {}", info.message())
}
