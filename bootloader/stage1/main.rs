//! Stage 1 of osimage's BIOS loader: all of it is real-mode assembly, this file only names the parts.
#![no_std]
#![no_main]

#[macro_use]
#[path = "../common/assemble.rs"]
mod assemble;

use layout::*;

assemble! {
    constants: [
        COM1_PORT REAL_STACK_TOP STAGE1_ADDRESS STAGE1_CHECKSUM_OFFSET STAGE1_CODE_SIZE STAGE1_COUNT_OFFSET
        STAGE1_MAGIC STAGE1_MAGIC_OFFSET STAGE1_PACKET_OFFSET STAGE2_ADDRESS
    ],
    files: ["stage1.s" "../common/print.s" "parameters.s"],
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
