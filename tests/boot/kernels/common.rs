//! What the kernels of these tests share: text on COM1, an end for QEMU, a panic handler.

use core::arch::asm;
use core::fmt::{self, Write};

pub struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: COM1's data port; QEMU takes a byte at any time.
            unsafe { asm!("out dx, al", in("dx") 0x3f8u16, in("al") byte, options(nomem, nostack)) };
        }
        Ok(())
    }
}

#[allow(unused_macros)]
macro_rules! say {
    ($($what:tt)*) => { core::fmt::Write::write_fmt(&mut $crate::common::Serial, format_args!("{}\n", format_args!($($what)*))).unwrap() };
}

/// Ends QEMU with status 33.
#[allow(dead_code)]
pub fn end() -> ! {
    // SAFETY: the port of QEMU's isa-debug-exit.
    unsafe { asm!("out dx, al", in("dx") 0xf4u16, in("al") 0x10u8, options(nomem, nostack)) };
    loop {}
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let _ = writeln!(Serial, "kernel panicked: {info}");
    loop {}
}
