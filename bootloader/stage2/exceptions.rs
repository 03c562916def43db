//! What is shown when the processor stops at an exception: the loader's own, or the kernel's before it has an IDT.

use crate::console::{self, Text};
use crate::global::Global;
use crate::load::Placed;
use core::arch::asm;
use core::fmt;
use layout::*;
use osimage_boot_info::{KernelSegment, Stack};

const PAGE_FAULT: u64 = 14;
const GENERAL_PROTECTION: u64 = 13;
#[rustfmt::skip]
const NAMES: [&str; 22] = [
    "divide error", "debug exception", "non-maskable interrupt", "breakpoint", "overflow", "bound range exceeded",
    "invalid opcode", "device not available", "double fault", "coprocessor overrun", "invalid TSS",
    "segment not present", "stack fault", "general protection fault", "page fault", "reserved exception",
    "floating-point error", "alignment check", "machine check", "SIMD floating-point error",
    "virtualization exception", "control protection exception",
];

/// Bits of a page fault's error code.
const PROTECTION: u64 = 1;
const WRITE: u64 = 2;
const FETCH: u64 = 16;
/// Bit of other error codes: they name an entry of the IDT.
const IDT: u64 = 2;

/// The interrupts of the PC's first controller, as the BIOS sets it up, overlap with exceptions.
const TIMER_VECTOR: u64 = 8;
const LAST_INTERRUPT: u64 = 15;

/// What the handlers know of the running kernel; no stack while the loader itself runs.
struct Kernel {
    segments: [Option<KernelSegment>; MAX_LOAD_SEGMENTS as usize],
    stack: Option<Stack>,
    /// Whether the machine is reset once an exception is told.
    resets: bool,
    reporting: bool,
}

static KERNEL: Global<Kernel> =
    Global::new(Kernel { segments: [None; MAX_LOAD_SEGMENTS as usize], stack: None, resets: false, reporting: false });

/// From here on an exception is the kernel's. With RESETS it ends as it does without an IDT, where a kernel expects none.
pub fn watch_kernel(placed: &Placed, stack: Stack, resets: bool) {
    // SAFETY: the only reference, dropped at the end of this function; the handlers run later.
    let kernel = unsafe { &mut *KERNEL.get() };
    for (place, segment) in kernel.segments.iter_mut().zip(placed.segments()) {
        *place = Some(*segment);
    }
    (kernel.stack, kernel.resets) = (Some(stack), resets);
}

/// What the processor pushed.
struct Frame {
    /// Some exceptions have one.
    code: Option<u64>,
    rip: u64,
    rsp: u64,
}

impl Frame {
    /// # Safety
    /// AT is where the processor stopped pushing.
    unsafe fn read(at: *const u64) -> Frame {
        // The processor begins at a multiple of 16 (AMD64 manual, volume 2, 8.9.3). Where that is cannot be known: a
        // kernel may have loaded a TSS of its own.
        let has_code = at as u64 % 16 == 0;
        // SAFETY: five words from here up: RIP, CS, RFLAGS, RSP, SS; six with a code, which comes first.
        unsafe {
            let words = if has_code { at.add(1) } else { at };
            Frame { code: has_code.then(|| *at), rip: *words, rsp: *words.add(3) }
        }
    }
}

/// Tells of exception VECTOR and halts.
#[unsafe(no_mangle)]
extern "C" fn exception(vector: u64, pushed: *const u64) -> ! {
    // SAFETY: the only reference: exceptions do not return, and one within this function ends in `halt`.
    let kernel = unsafe { &mut *KERNEL.get() };
    if core::mem::replace(&mut kernel.reporting, true) {
        console::halt();
    }
    // SAFETY: long/exceptions.s passes it so.
    let Frame { code, rip, rsp } = unsafe { Frame::read(pushed) };
    tell(kernel, vector, code, rip, rsp);
    if kernel.resets {
        reset();
    }
    console::halt()
}

fn tell(kernel: &Kernel, vector: u64, code: Option<u64>, rip: u64, rsp: u64) {
    let who = if kernel.stack.is_none() {
        Text("loader")
    } else {
        console::begin_alarm();
        Text("kernel")
    };
    if code.is_none() && (TIMER_VECTOR..=LAST_INTERRUPT).contains(&vector) {
        let interrupt = vector - TIMER_VECTOR;
        say(format_args!(
            "the {who} enabled interrupts without an IDT of its own: interrupt {interrupt} at RIP {rip:#x}"
        ));
        return;
    }
    let code = code.unwrap_or(0);
    let name = Text(NAMES.get(vector as usize).unwrap_or(&"exception"));
    say(format_args!("the {who} failed: {name} (vector {vector}, error code {code:#x})"));
    say(format_args!("at RIP {rip:#x}, RSP {rsp:#x}"));
    if vector == PAGE_FAULT {
        tell_page_fault(kernel, code, rip);
    }
    if vector == GENERAL_PROTECTION && code & IDT != 0 {
        say(format_args!("an interrupt that has no handler"));
    }
}

fn tell_page_fault(kernel: &Kernel, code: u64, rip: u64) {
    let address: u64;
    // SAFETY: only reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    // Without NX no fetch is told as such; then it is one where the instruction itself lies there.
    let fetch = code & FETCH != 0 || address == rip;
    let action = if fetch {
        Text("executed")
    } else if code & WRITE != 0 {
        Text("wrote to")
    } else {
        Text("read")
    };
    let place = Place { kernel, address, fetch, mapped: code & PROTECTION != 0 };
    say(format_args!("it {action} {address:#x}, {place}"));
}

fn say(what: fmt::Arguments) {
    console::print(format_args!("osimage: {what}\n"));
}

/// An exception for which there is no handler, nor for that of the missing handler, nor for that one.
fn reset() -> ! {
    let no_table = [0u16; 5];
    // SAFETY: the processor shuts down, which resets the machine.
    unsafe { asm!("lidt [{}]", "ud2", in(reg) &no_table, options(noreturn)) }
}

/// What is at an address where a page fault happened.
struct Place<'a> {
    kernel: &'a Kernel,
    address: u64,
    fetch: bool,
    mapped: bool,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stack = self.kernel.stack.unwrap_or(Stack { bottom: 0, top: 0 });
        let page = self.address - self.address % PAGE_SIZE;
        let inside =
            |segment: &&KernelSegment| page < segment.address + segment.size && segment.address < page + PAGE_SIZE;
        if page == 0 && self.fetch {
            f.write_str("in the first page, which is never mapped (null function pointer, or a return from the entry)")
        } else if page == 0 {
            f.write_str("in the first page, which is never mapped (null pointer)")
        } else if page == stack.bottom.wrapping_sub(PAGE_SIZE) {
            let size = stack.top - stack.bottom;
            write!(f, "in the guard page below its stack of {size} bytes (stack overflow)")
        } else if let Some(segment) = self.kernel.segments.iter().flatten().find(inside) {
            write!(f, "in segment {}, mapped {}", u64::from(segment.index), segment.rights)
        } else if (stack.bottom..stack.top).contains(&self.address) {
            f.write_str("in its stack, mapped RW")
        } else if self.mapped {
            f.write_str("which the loader mapped with other rights")
        } else {
            f.write_str("which is not mapped")
        }
    }
}
