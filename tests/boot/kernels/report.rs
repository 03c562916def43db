//! Prints the state of the processor and the whole boot information record on COM1, then ends QEMU.
#![no_std]
#![no_main]

#[macro_use]
mod common;

use core::arch::asm;
use osimage_boot_info::{BootInfo, Record};

static mut ZEROED: [u8; 5 << 12] = [0; 5 << 12];

core::arch::global_asm!(".globl _start", "_start: mov rsi, rsp", "pushfq", "pop rdx", "jmp report",);

#[unsafe(no_mangle)]
extern "C" fn report(record: *const Record, stack: u64, flags: u64) -> ! {
    let (cr0, cr3, cr4): (u64, u64, u64);
    let (cs, ss, ds): (u16, u16, u16);
    unsafe {
        asm!("mov {}, cr0", "mov {}, cr3", "mov {}, cr4", out(reg) cr0, out(reg) cr3, out(reg) cr4);
        asm!("mov {:x}, cs", "mov {:x}, ss", "mov {:x}, ds", out(reg) cs, out(reg) ss, out(reg) ds);
    }
    let (low, high): (u32, u32);
    unsafe { asm!("rdmsr", in("ecx") 0xc0000080u32, out("eax") low, out("edx") high) };
    let efer = u64::from(high) << 32 | u64::from(low);
    say!(
        "cpu cr0={cr0:#x} cr3={cr3:#x} cr4={cr4:#x} efer={efer:#x} cs={cs:#x} ss={ss:#x} ds={ds:#x} rsp={stack:#x} rflags={flags:#x}"
    );
    let return_address = unsafe { *(stack as *const u64) };
    let zeroed = unsafe { &*core::hint::black_box(&raw const ZEROED) };
    let sum: u64 = zeroed.iter().map(|byte| u64::from(*byte)).sum();
    say!("return_address={return_address:#x} zeroed={sum}");

    let info = unsafe { BootInfo::from_ptr(record) }.unwrap();
    let raw = info.record();
    say!(
        "record at={:#x} version={} size={} total_size={} path={}",
        record as usize,
        raw.version,
        raw.size,
        info.total_size(),
        raw.boot_path
    );
    say!("loader {:?}", info.loader());
    say!("command_line {:?}", info.command_line());
    say!("rsdp={:#x}", info.rsdp().unwrap_or(0));
    say!("kernel_offset={:#x}", info.kernel_offset());
    say!("kernel_image={:#x} size={}", info.kernel_image().0, info.kernel_image().1);
    say!("stack bottom={:#x} top={:#x}", info.stack().bottom, info.stack().top);
    say!("framebuffer {:?}", info.framebuffer());
    say!("physical_memory_offset={:?} boot_drive={:?}", info.physical_memory_offset(), info.boot_drive());
    for segment in info.kernel_segments() {
        say!(
            "segment {} {} {:#x} at {:#x} size {:#x}",
            segment.index,
            segment.rights,
            segment.address,
            segment.physical_address,
            segment.size
        );
    }
    for region in info.memory_map() {
        say!("memory {:#x}..{:#x} {:?} attributes {}", region.base, region.end(), region.kind(), region.attributes);
    }
    common::end()
}
