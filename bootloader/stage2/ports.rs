//! The processor's I/O ports.

use core::arch::asm;

pub fn read(port: u16) -> u8 {
    let value: u8;
    // SAFETY: the loader reads only status registers, which changes nothing in memory.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    value
}

pub fn write(port: u16, value: u8) {
    // SAFETY: the loader writes only to the serial port, which changes nothing in memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}
