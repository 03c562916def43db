//! The kernel of "A Minimal Rust Kernel": it writes "Hello World!" to the VGA text screen and loops.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

/// The VGA text screen: cells of two bytes, the character and its colour.
const SCREEN: *mut u8 = 0xb8000 as *mut u8;

const LIGHT_CYAN: u8 = 0x0b;

static HELLO: &[u8] = b"Hello World!";

/// Where the loader enters the kernel.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    for (cell, &character) in HELLO.iter().enumerate() {
        // SAFETY: the loader maps the text screen, and HELLO is shorter than one of its lines.
        unsafe {
            SCREEN.add(cell * 2).write_volatile(character);
            SCREEN.add(cell * 2 + 1).write_volatile(LIGHT_CYAN);
        }
    }
    loop {}
}

#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    loop {}
}
