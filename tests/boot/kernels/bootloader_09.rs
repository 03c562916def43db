//! A kernel of the crate `bootloader` 0.9, whose own `BootInfo` it reads: prints on COM1 all that it was handed, the
//! state of the processor, and what it finds mapped; then ends QEMU.
#![no_std]
#![no_main]

#[macro_use]
mod common;

use bootloader::BootInfo;
use core::arch::{asm, global_asm};

const PAGE: u64 = 4096;
const LARGE_PAGE: u64 = 2 << 20;
/// The bits of an entry that are a physical address.
const FRAME: u64 = 0xf_ffff_ffff_f000;

static mut ZEROED: [u8; 5 << 12] = [0; 5 << 12];
static mut DATA: [u64; 3] = [7, 8, 9];

global_asm!(".globl _start", "_start: mov rsi, rsp", "pushfq", "pop rdx", "jmp report");

// Each probe returns 0, or 1 after a page fault, whose handler ends it.
global_asm!(
    ".globl probe_read, probe_write, probe_execute, on_page_fault",
    "probe_read: mov probe_stack[rip], rsp; mov al, [rdi]; xor eax, eax; ret",
    "probe_write: mov probe_stack[rip], rsp; mov al, [rdi]; mov [rdi], al; xor eax, eax; ret",
    "probe_execute: mov probe_stack[rip], rsp; call rdi; xor eax, eax; ret",
    "on_page_fault: mov rsp, probe_stack[rip]; mov eax, 1; ret",
    ".pushsection .bss.probe_stack, \"aw\", @nobits; .balign 8; probe_stack: .zero 8; .popsection",
);
#[cfg(thread_local)]
global_asm!(
    ".pushsection .tdata.kept, \"awTR\", @progbits; .balign 8; .quad 1, 2, 3; .popsection",
    ".pushsection .tbss.kept, \"awTR\", @nobits; .balign 8; .zero 40; .popsection",
);
// Code that changes itself.
#[cfg(mixed)]
global_asm!(
    ".pushsection .mixed, \"awx\", @progbits; .balign 4096; .globl mixed",
    "mixed: mov byte ptr [rip + mixed + 8], 5; mov eax, 4; ret; .popsection",
);

unsafe extern "C" {
    fn probe_read(address: u64) -> u64;
    fn probe_write(address: u64) -> u64;
    fn probe_execute(address: u64) -> u64;
    fn on_page_fault();
}

static mut IDT: [[u64; 2]; 15] = [[0; 2]; 15];

#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

#[unsafe(no_mangle)]
extern "C" fn report(boot_info: &'static BootInfo, stack: u64, flags: u64) -> ! {
    tell_processor(stack, flags);
    tell_boot_info(boot_info);
    #[cfg(overwrite_low)]
    overwrite_low();
    handle_page_faults();
    tell_stack(stack);
    tell_low();
    for (name, address) in [
        ("null", 0),
        ("low", 0x8000), // where code for other processors is often put
        ("vga", 0xa0000),
        ("vga end", 0xbffff),
        ("behind vga", 0xc0000),
        ("mebibyte", 0x10_0000),
        ("boot info", boot_info as *const BootInfo as u64),
        ("code", report as *const () as u64),
        ("data", &raw const DATA as u64),
        ("zeroed", &raw const ZEROED as u64),
        ("constants", PAGE_TEXT.as_ptr() as u64),
        ("root", root() + 255 * 8), // an entry that no case uses
    ] {
        tell_rights(name, address);
    }
    let zeroed = unsafe { &*core::hint::black_box(&raw const ZEROED) };
    say!("contents zeroed={} data={:?}", zeroed.iter().map(|byte| u64::from(*byte)).sum::<u64>(), unsafe {
        core::hint::black_box(&raw const DATA).read_volatile()
    });
    #[cfg(mixed)]
    tell_mixed();
    tell_screen();
    #[cfg(feature = "map_physical_memory")]
    tell_page_tables(boot_info.physical_memory_offset);
    #[cfg(feature = "recursive_page_table")]
    tell_recursion(boot_info);
    common::end()
}

/// The physical address of the page tables' root.
fn root() -> u64 {
    let cr3: u64;
    unsafe { asm!("mov {}, cr3", out(reg) cr3) };
    cr3 & FRAME
}

static PAGE_TEXT: [u8; 16] = *b"constant numbers";

fn tell_processor(stack: u64, flags: u64) {
    let (cr0, cr3, cr4): (u64, u64, u64);
    let (cs, ss, ds, es, fs, gs): (u16, u16, u16, u16, u16, u16);
    let (low, high): (u32, u32);
    unsafe {
        asm!("mov {}, cr0", "mov {}, cr3", "mov {}, cr4", out(reg) cr0, out(reg) cr3, out(reg) cr4);
        asm!("mov {:x}, cs", "mov {:x}, ss", "mov {:x}, ds", out(reg) cs, out(reg) ss, out(reg) ds);
        asm!("mov {:x}, es", "mov {:x}, fs", "mov {:x}, gs", out(reg) es, out(reg) fs, out(reg) gs);
        asm!("rdmsr", in("ecx") 0xc0000080u32, out("eax") low, out("edx") high);
    }
    say!("processor cr0={cr0:#x} cr4={cr4:#x} efer={:#x} rflags={flags:#x}", u64::from(high) << 32 | u64::from(low));
    say!("selectors cs={cs:#x} ss={ss:#x} ds={ds:#x} es={es:#x} fs={fs:#x} gs={gs:#x}");
    say!("root {cr3:#x}");
    #[cfg(feature = "sse")]
    {
        let mut mxcsr = 0u32;
        unsafe { asm!("stmxcsr [{}]", "addsd xmm0, xmm1", in(reg) &mut mxcsr) };
        say!("mxcsr {mxcsr:#x}");
    }
    let mut state = [0u32; 7];
    unsafe { asm!("fnstenv [{}]", "fldenv [{}]", in(reg) &mut state, in(reg) &mut state) };
    say!("x87 control={:#x} status={:#x} tags={:#x}", state[0] & 0xffff, state[1] & 0xffff, state[2] & 0xffff);
    say!("stack {stack:#x}");
}

fn tell_boot_info(info: &BootInfo) {
    say!("boot_info {:#x} size={}", info as *const BootInfo as u64, size_of::<BootInfo>());
    say!("regions {}", info.memory_map.len());
    for region in info.memory_map.iter() {
        say!("region {:#x}..{:#x} {:?}", region.range.start_addr(), region.range.end_addr(), region.region_type);
    }
    say!("tls {:x?}", info.tls_template());
    #[cfg(feature = "map_physical_memory")]
    say!("physical_memory_offset {:#x}", info.physical_memory_offset);
    #[cfg(feature = "recursive_page_table")]
    say!("recursive_page_table_addr {:#x} index={}", info.recursive_page_table_addr, info.recursive_index());
}

fn handle_page_faults() {
    let entry = on_page_fault as *const () as u64;
    let cs: u16;
    unsafe {
        asm!("mov {:x}, cs", out(reg) cs);
        let gate = (entry & 0xffff) | u64::from(cs) << 16 | 0x8e << 40 | (entry >> 16 & 0xffff) << 48;
        IDT[14] = [gate, entry >> 32];
        let pointer = Pointer { limit: 15 * 16 - 1, base: &raw const IDT as u64 };
        asm!("lidt [{}]", in(reg) &pointer);
    }
}

/// How far the stack reaches, from where it begins downwards, and what is above.
fn tell_stack(top: u64) {
    let mut bottom = top & !(PAGE - 1);
    while unsafe { probe_read(bottom - 1) } == 0 {
        bottom -= PAGE;
    }
    let above = unsafe { probe_read((top & !(PAGE - 1)) + PAGE) };
    say!("stack_pages {} above_is_mapped={}", ((top & !(PAGE - 1)) + PAGE - bottom) / PAGE, above == 0);
    tell_rights("stack bottom", bottom);
}

/// How far memory can be written from the second page on.
fn tell_low() {
    let mut end = PAGE;
    while unsafe { probe_write(end) } == 0 {
        end += PAGE;
    }
    say!("low {PAGE:#x}..{end:#x}");
}

/// Writes where the crate's loader leaves low memory writable. Its own tables are there, so only another's bears it.
#[cfg(overwrite_low)]
fn overwrite_low() {
    let places = || (PAGE..0x16000).step_by(8).map(|address| address as *mut u64);
    for place in places() {
        unsafe { place.write_volatile(!(place as u64)) };
    }
    say!("overwritten low={}", places().all(|place| unsafe { place.read_volatile() } == !(place as u64)));
}

/// Where a `ret` can be written, it is also run.
fn tell_rights(name: &str, address: u64) {
    if unsafe { probe_read(address) } != 0 {
        return say!("rights {name}: none");
    }
    let writable = unsafe { probe_write(address) } == 0;
    let mut executable = "?";
    if writable && name != "vga" && name != "vga end" {
        let place = address as *mut u8;
        unsafe {
            let before = place.read_volatile();
            place.write_volatile(0xc3);
            executable = if probe_execute(address) == 0 { "yes" } else { "no" };
            place.write_volatile(before);
        }
    }
    say!("rights {name}: write={writable} execute={executable}");
}

#[cfg(mixed)]
fn tell_mixed() {
    unsafe extern "C" {
        fn mixed() -> u32;
    }
    say!("mixed {}", unsafe { mixed() });
}

/// How many cells or pairs of pixels begin the screen with a value, and with which one the others are filled.
fn tell_screen() {
    #[cfg(feature = "vga_320x200")]
    let (start, count) = (0xa0000 as *const u16, 320 * 200 / 2);
    #[cfg(not(feature = "vga_320x200"))]
    let (start, count) = (0xb8000 as *const u16, 80 * 25);
    let cell = |index| unsafe { start.add(index).read_volatile() };
    let first = (0..count).take_while(|index| cell(*index) == cell(0)).count();
    let last = (0..count).rev().take_while(|index| cell(*index) == cell(count - 1)).count();
    say!("screen mode={:#x} {:#x} {first} times, {:#x} {last} times", unsafe { mode() }, cell(0), cell(count - 1));
}

/// VGA's miscellaneous register of its graphics controller: bit 0 is on in graphics modes.
unsafe fn mode() -> u8 {
    let value: u8;
    unsafe { asm!("mov al, 6", "mov dx, 0x3ce", "out dx, al", "inc dx", "in al, dx", out("al") value, out("dx") _) };
    value
}

#[cfg(feature = "map_physical_memory")]
fn table(entry: u64, offset: u64) -> &'static [u64; 512] {
    unsafe { &*(((entry & FRAME) + offset) as *const [u64; 512]) }
}

/// Pages in a row with the same size, rights and kind of frame.
#[cfg(feature = "map_physical_memory")]
#[derive(Clone, Copy, PartialEq)]
struct Run {
    start: u64,
    end: u64,
    size: u64,
    flags: u64,
    frames: &'static str,
}

/// Every page that is mapped from 1 MiB on, in runs.
#[cfg(feature = "map_physical_memory")]
fn tell_page_tables(offset: u64) {
    let root: u64;
    unsafe { asm!("mov {}, cr3", out(reg) root) };
    let mut run: Option<Run> = None;
    let mut visit = |address: u64, entry: u64, size: u64| {
        let frame = entry & FRAME;
        let frames = match address {
            _ if address == frame => "identity",
            _ if address.wrapping_sub(frame) == offset / size * size => "offset",
            _ => "own",
        };
        let next = Run { start: address, end: address.wrapping_add(size), size, flags: entry & (1 << 63 | 7), frames };
        match &mut run {
            Some(run) if *run == (Run { start: run.start, end: next.start, ..next }) => run.end = next.end,
            _ => {
                if let Some(run) = run.replace(next) {
                    tell_run(run);
                }
            }
        }
    };
    for (i4, p4) in table(root, offset).iter().enumerate().filter(|(_, entry)| **entry & 1 != 0) {
        let a4 = ((i4 << 55) as i64 >> 16) as u64;
        if p4 & FRAME == root & FRAME {
            say!("recursive entry {i4} flags={:#x}", p4 & 0x87);
            continue;
        }
        for (i3, p3) in table(*p4, offset).iter().enumerate().filter(|(_, entry)| **entry & 1 != 0) {
            for (i2, p2) in table(*p3, offset).iter().enumerate().filter(|(_, entry)| **entry & 1 != 0) {
                let a2 = a4 | (i3 as u64) << 30 | (i2 as u64) << 21;
                if p2 & 0x80 != 0 {
                    visit(a2, *p2, LARGE_PAGE);
                    continue;
                }
                for (i1, p1) in table(*p2, offset).iter().enumerate().filter(|(_, entry)| **entry & 1 != 0) {
                    visit(a2 | (i1 as u64) << 12, *p1, PAGE);
                }
            }
        }
    }
    if let Some(run) = run {
        tell_run(run);
    }
}

#[cfg(feature = "map_physical_memory")]
fn tell_run(run: Run) {
    let Run { start, end, size, flags, frames } = run;
    say!("mapped {start:#x}..{end:#x} size={size:#x} write={} execute={} {frames}", flags >> 1 & 1, flags >> 63 ^ 1);
}

/// The entry of the root that leads to the root, seen through itself.
#[cfg(feature = "recursive_page_table")]
fn tell_recursion(info: &BootInfo) {
    let root: u64;
    unsafe { asm!("mov {}, cr3", out(reg) root) };
    let entries = info.recursive_page_table_addr as *const u64;
    let own = unsafe { entries.add(usize::from(info.recursive_index())).read_volatile() };
    say!("recursion own={} flags={:#x}", own & FRAME == root & FRAME, own & 0x87);
    for index in 0..512 {
        let entry = unsafe { entries.add(index).read_volatile() };
        if entry & 1 != 0 {
            say!("root entry {index} flags={:#x}", entry & 0x87);
        }
    }
}
