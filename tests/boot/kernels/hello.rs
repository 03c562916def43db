#![no_std]
#![no_main]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let vga = 0xb8000 as *mut u8;
    for (i, &b) in b"Hello World!".iter().enumerate() {
        unsafe {
            *vga.offset(i as isize * 2) = b;
            *vga.offset(i as isize * 2 + 1) = 0xb;
        }
    }
    loop {}
}
