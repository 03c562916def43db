//! Does one forbidden thing, chosen by `--cfg deed="..."`, and says so if nothing stopped it.
#![no_std]
#![no_main]

#[macro_use]
mod common;

use core::arch::asm;
use core::hint::black_box;

static CONSTANT: [u64; 4] = [1, 2, 3, 4];
static mut VARIABLE: [u8; 16] = [0xc3; 16]; // RET, were it executed

type Function = extern "C" fn();

#[unsafe(no_mangle)]
extern "C" fn _start() {
    say!(
        "_start at {:#x}, CONSTANT at {:#x}, VARIABLE at {:#x}",
        _start as *const () as usize,
        &raw const CONSTANT as usize,
        &raw const VARIABLE as usize
    );
    misbehave();
    if cfg!(deed = "return from the entry") {
        return;
    }
    say!("nothing stopped it");
    common::end()
}

#[cfg(deed = "overflow the stack")]
fn misbehave() {
    #[inline(never)]
    fn deeper(depth: u64) -> u64 {
        let room = black_box([depth; 16]);
        if depth == u64::MAX { 0 } else { deeper(depth + 1) + room[3] }
    }
    black_box(deeper(0));
}

#[cfg(deed = "write to .text")]
fn misbehave() {
    unsafe { (_start as *const () as *mut u8).write_volatile(0) };
}

#[cfg(deed = "write to .rodata")]
fn misbehave() {
    unsafe { (&raw const CONSTANT).cast_mut().cast::<u8>().write_volatile(0) };
}

#[cfg(deed = "execute .data")]
fn misbehave() {
    unsafe { core::mem::transmute::<*const u8, Function>(black_box(&raw const VARIABLE).cast())() };
}

#[cfg(deed = "execute the stack")]
fn misbehave() {
    let code = black_box([0xc3u8; 16]);
    unsafe { core::mem::transmute::<*const u8, Function>(black_box(code.as_ptr()))() };
}

#[cfg(deed = "read address 0")]
fn misbehave() {
    unsafe { asm!("mov {0}, [{0}]", in(reg) 0usize) };
}

#[cfg(deed = "call address 0")]
fn misbehave() {
    unsafe { asm!("call {}", in(reg) 0usize) };
}

#[cfg(deed = "read above the stack")]
fn misbehave() {
    unsafe { asm!("mov {0}, [{0}]", in(reg) 0x7fff_8000_0000usize) };
}

#[cfg(deed = "write to the loader's code")]
fn misbehave() {
    unsafe { asm!("mov byte ptr [{0}], 0", in(reg) 0x2_0000usize) };
}

#[cfg(deed = "execute the text screen")]
fn misbehave() {
    unsafe { asm!("call {}", in(reg) 0xb8000usize) };
}

#[cfg(deed = "divide by zero")]
fn misbehave() {
    unsafe { asm!("div {0:e}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _) };
}

#[cfg(deed = "run an invalid instruction")]
fn misbehave() {
    unsafe { asm!("ud2") };
}

#[cfg(deed = "enable interrupts")]
fn misbehave() {
    unsafe { asm!("sti", "2: hlt", "jmp 2b") };
}

#[cfg(deed = "call interrupt 0x80")]
fn misbehave() {
    unsafe { asm!("int 0x80") };
}

#[cfg(deed = "read an address that is not canonical")]
fn misbehave() {
    unsafe { asm!("mov {0}, [{0}]", in(reg) 0x8000_0000_0000_0000usize) };
}

#[cfg(deed = "return from the entry")]
fn misbehave() {}

#[cfg(deed = "write to the boot information")]
fn misbehave() {
    unsafe { asm!("mov byte ptr [{0}], 0", in(reg) 0x7fff_c000_0000usize) };
}

#[cfg(deed = "draw and fail")]
fn misbehave() {
    for (column, byte) in b"Hello".iter().enumerate() {
        unsafe { (0xb8000 as *mut u16).add(column).write_volatile(0x0b00 | u16::from(*byte)) };
    }
    unsafe { asm!("ud2") };
}

/// Overwrites what the crate `bootloader` 0.9 leaves writable of low memory, and then needs whoever tells of exceptions.
#[cfg(any(deed = "fill low memory with zeros", deed = "fill low memory with ones"))]
fn misbehave() {
    let word = if cfg!(deed = "fill low memory with zeros") { 0 } else { u64::MAX };
    for address in (0x1000..0x1_6000).step_by(8) {
        unsafe { (black_box(address) as *mut u64).write_volatile(word) };
    }
    unsafe { asm!("mov byte ptr [{0}], 0", in(reg) 0xdead_0000usize) };
}

/// Comes as far as a GDT and a TSS of its own, but not to an IDT.
#[cfg(any(deed = "load a TSS and write to 0xdead0000", deed = "load a TSS and run an invalid instruction"))]
fn misbehave() {
    static mut STACK: [u128; 512] = [0; 512];
    static mut TASK: [u32; 26] = [0; 26];
    static mut GDT: [u64; 5] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0, 0];
    let (task, gdt) = (&raw const TASK as u64, &raw const GDT as u64);
    let stack = &raw const STACK as u64 + 0x2000 - 8; // the processor aligns it
    unsafe {
        (TASK[9], TASK[10], TASK[25]) = (stack as u32, (stack >> 32) as u32, 104 << 16);
        GDT[3] = 103 | (task & 0xff_ffff) << 16 | 0x89 << 40 | (task >> 24 & 0xff) << 56;
        GDT[4] = task >> 32;
        let pointer = [39, gdt as u16, (gdt >> 16) as u16, (gdt >> 32) as u16, (gdt >> 48) as u16];
        asm!("lgdt [{}]", "ltr {:x}", in(reg) &pointer, in(reg) 24);
        if cfg!(deed = "load a TSS and run an invalid instruction") {
            asm!("ud2");
        }
        asm!("mov byte ptr [{0}], 0", in(reg) 0xdead_0000usize);
    }
}
