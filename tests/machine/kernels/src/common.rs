//! What the test kernels share: the serial line, the exit device, and a runner of tests.

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

pub const SUCCESS: u32 = 0x10; // QEMU's exit code is 2 * 0x10 + 1 = 33
pub const FAILURE: u32 = 0x11;

pub struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| out(0x3f8, byte));
        Ok(())
    }
}

#[macro_export]
macro_rules! say {
    ($($words:tt)*) => {{
        use core::fmt::Write;
        let _ = write!($crate::common::Serial, $($words)*);
    }};
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("[failed]\n\nError: {info}\n\n");
    exit(FAILURE)
}

/// Run TESTS, each with its name, as the test runners of many kernels do.
#[allow(dead_code)]
pub fn run(tests: &[(&str, fn())]) -> ! {
    say!("Running {} tests\n", tests.len());
    for (name, test) in tests {
        say!("{name}...\t");
        test();
        say!("[ok]\n");
    }
    exit(SUCCESS)
}

#[allow(dead_code)]
pub fn out(port: u16, byte: u8) {
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nomem, nostack)) };
}

pub fn exit(code: u32) -> ! {
    unsafe { asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") code, options(nomem, nostack)) };
    loop {
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
