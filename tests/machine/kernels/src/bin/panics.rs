//! Nothing but a panic.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    panic!("it went {}", "wrong")
}
