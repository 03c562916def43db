//! GDT, TSS and IDT: in one page, which the kernel finds read-only, so that they stay in force until it has its own.

use crate::global::Global;
use core::arch::asm;
use layout::PAGE_SIZE;

pub const CODE64: u16 = 0x08;
pub const DATA: u16 = 0x10;
pub const CODE32: u16 = 0x18;
pub const CODE16: u16 = 0x20;
pub const DATA16: u16 = 0x28;
const TASK: u16 = 0x30;

pub const EXCEPTIONS: usize = 32;
const ENTRY_STEP: u64 = 8; // between the entries in long/exceptions.s
const TASK_SIZE: u64 = 104;
const EXCEPTION_STACK: usize = 9; // the 32-bit word of a TSS where its first interrupt stack begins

#[repr(C, align(4096))]
struct Tables {
    gdt: [u64; 8],
    idt: [[u64; 2]; EXCEPTIONS],
    task: [u32; TASK_SIZE as usize / 4],
}

const _: () = assert!(size_of::<Tables>() as u64 == PAGE_SIZE);

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

static TABLES: Global<Tables> = Global::new(Tables { gdt: [0; 8], idt: [[0; 2]; EXCEPTIONS], task: [0; 26] });

unsafe extern "C" {
    static boot_gdt: [u64; 6];
    static mut gdt_pointer: TablePointer;
    static mut idt_pointer: TablePointer;
    static exception_entries: u8;
    static exception_stack_top: u8;
}

/// Fills the tables and makes them the processor's; from here on an exception of the loader's own is told.
pub fn install() {
    // SAFETY: called once, before anything else looks at the tables; afterwards they never change.
    unsafe {
        let tables = &mut *TABLES.get();
        let task = &raw const tables.task as u64;
        let stack = &raw const exception_stack_top as u64;
        tables.task[EXCEPTION_STACK] = stack as u32; // its high half is zero: it lies below 1 MiB
        tables.task[25] = (TASK_SIZE as u32) << 16; // no I/O permission map
        tables.gdt[..6].copy_from_slice(&*&raw const boot_gdt);
        tables.gdt[6] = (TASK_SIZE - 1) | (task & 0xff_ffff) << 16 | 0x89 << 40 | (task >> 24 & 0xff) << 56;
        tables.gdt[7] = task >> 32;
        for (vector, gate) in tables.idt.iter_mut().enumerate() {
            *gate = gate_to(&raw const exception_entries as u64 + vector as u64 * ENTRY_STEP);
        }
        gdt_pointer = TablePointer { limit: 8 * 8 - 1, base: &raw const tables.gdt as u64 };
        idt_pointer = TablePointer { limit: 16 * EXCEPTIONS as u16 - 1, base: &raw const tables.idt as u64 };
        asm!("lgdt [{}]", "lidt [{}]", "ltr {:x}",
            in(reg) &raw const gdt_pointer, in(reg) &raw const idt_pointer, in(reg) TASK, options(nostack));
    }
}

/// The page where they lie.
pub fn address() -> u64 {
    TABLES.get() as u64
}

/// A 64-bit interrupt gate that runs ENTRY on the first interrupt stack, with interrupts off.
fn gate_to(entry: u64) -> [u64; 2] {
    let low = (entry & 0xffff) | u64::from(CODE64) << 16 | 1 << 32 | 0x8e << 40 | (entry >> 16 & 0xffff) << 48;
    [low, entry >> 32]
}
