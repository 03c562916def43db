//! Switches the machine off by ACPI.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    unsafe { core::arch::asm!("out dx, ax", in("dx") 0x604_u16, in("ax") 0x2000_u16) };
    loop {}
}
