//! A breakpoint without an interrupt descriptor table: a triple fault.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    unsafe { core::arch::asm!("lidt [{}]", "int3", in(reg) &[0_u64; 2], options(noreturn)) }
}
