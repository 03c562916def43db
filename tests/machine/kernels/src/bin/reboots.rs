//! The keyboard controller resets the machine.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    common::out(0x64, 0xfe);
    loop {}
}
