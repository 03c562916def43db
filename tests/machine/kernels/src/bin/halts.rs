//! The last of three tests stops the processor for good.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    common::run(&[("kernels::first", || {}), ("kernels::second", || {}), ("kernels::third", || unsafe { core::arch::asm!("cli", "2: hlt", "jmp 2b") })])
}
