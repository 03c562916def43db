//! The last steps: the boot information record, and the jump into the kernel.

use crate::acpi;
use crate::address_space::{AddressSpace, READ, READ_WRITE};
use crate::console;
use crate::elf::Kernel;
use crate::exceptions;
use crate::load::Placed;
use crate::memory::MemoryMap;
use crate::parameters::Parameters;
use core::arch::asm;
use layout::*;
use osimage_boot_info::*;

const EFER: u32 = 0xc000_0080;
const NO_EXECUTE_ENABLE: u64 = 1 << 11;
const WRITE_PROTECT: u64 = 1 << 16;

unsafe extern "C" {
    fn enter_kernel(root: u64, stack_top: u64, entry: u64, boot_info: u64) -> !;
    fn enter_kernel_09(root: u64, stack_top: u64, entry: u64, boot_info: u64, sse: u64) -> !;
}

/// Hands osimage's own record over to KERNEL, which is at PLACED; does not return.
pub fn enter_with_record(
    drive: u8,
    parameters: &Parameters,
    kernel: &Kernel,
    placed: &Placed,
    memory: &mut MemoryMap,
) -> ! {
    let stack = Stack { bottom: KERNEL_STACK_TOP - parameters.stack_size, top: KERNEL_STACK_TOP };
    let stack_frames = memory.take("stack", parameters.stack_size, MemoryKind::KernelStack);
    let record = memory.take("boot information", BOOT_INFO_SIZE, MemoryKind::BootInfo);
    let root = memory.take("page tables", PAGE_SIZE, MemoryKind::PageTables);
    let space = AddressSpace::new(root, placed, memory);
    space.map_where_it_is(VGA_ADDRESS, VGA_END, READ_WRITE, memory);
    space.map(stack.bottom, stack_frames, parameters.stack_size, READ_WRITE, memory);
    space.map(BOOT_INFO_ADDRESS, record, BOOT_INFO_SIZE, READ, memory);
    write_record(record, drive, parameters, placed, kernel.image, memory);
    exceptions::watch_kernel(placed, stack, false);
    console::clear();
    enter(&space, State::Own, stack.top, kernel.entry, BOOT_INFO_ADDRESS)
}

/// The page of the record being written, and the first byte that is free in it.
struct Writer {
    base: u64,
    used: usize,
}

impl Writer {
    /// Appends ENTRIES; the memory map comes last, so that only it could find no room, which its capacity rules out.
    fn append<T: Copy>(&mut self, entries: &[T]) -> List {
        let offset = self.used.next_multiple_of(align_of::<T>());
        self.used = offset + size_of_val(entries);
        assert!(self.used <= BOOT_INFO_SIZE as usize);
        // SAFETY: within the pages taken for the record, to which there is no reference.
        unsafe {
            let to = (self.base as usize + offset) as *mut T;
            core::ptr::copy_nonoverlapping(entries.as_ptr(), to, entries.len());
        }
        List { offset: offset as u32, count: entries.len() as u32, entry_size: size_of::<T>() as u32, reserved: 0 }
    }
}

const _: () = assert!(
    size_of::<Record>()
        + MAX_MEMORY_REGIONS as usize * size_of::<MemoryRegion>()
        + MAX_LOAD_SEGMENTS as usize * size_of::<KernelSegment>()
        + COMMAND_LINE_CAPACITY as usize
        + LOADER_NAME.len()
        + 32
        <= BOOT_INFO_SIZE as usize
);

/// Writes the boot information to its pages, at physical address BASE.
fn write_record(base: u64, drive: u8, parameters: &Parameters, placed: &Placed, image: &[u8], memory: &MemoryMap) {
    let mut writer = Writer { base, used: size_of::<Record>() };
    let mut record = Record {
        magic: MAGIC,
        version: VERSION,
        size: size_of::<Record>() as u32,
        total_size: 0,
        boot_path: BOOT_PATH_BIOS,
        kernel_segments: writer.append(placed.segments()),
        command_line: writer.append(parameters.command_line),
        loader: writer.append(LOADER_NAME.as_bytes()),
        memory_map: writer.append(memory.regions()),
        framebuffer: Framebuffer {
            address: TEXT_SCREEN_ADDRESS,
            width: TEXT_COLUMNS as u32,
            height: TEXT_ROWS as u32,
            stride: TEXT_COLUMNS as u32 * 2,
            format: FORMAT_TEXT,
        },
        rsdp: acpi::root_pointer(),
        kernel_offset: placed.offset,
        kernel_image_address: image.as_ptr() as u64,
        kernel_image_size: image.len() as u64,
        stack: Stack { bottom: KERNEL_STACK_TOP - parameters.stack_size, top: KERNEL_STACK_TOP },
        physical_memory_offset: NOT_MAPPED,
        boot_drive: drive.into(),
        reserved: 0,
    };
    record.total_size = writer.used as u32;
    // SAFETY: the beginning of those pages, aligned.
    unsafe { (base as usize as *mut Record).write(record) };
}

/// The state of the processor that a kernel expects, where protocols differ.
pub enum State {
    /// SSE, and AVX where there is any, is on.
    Own,
    /// SSE is off unless the kernel wants it; the data segments are there; a return from the entry never ends.
    Bootloader09 { sse: bool },
}

/// Switches to the kernel's address space and stack, and jumps to ENTRY with the address of its boot information.
pub fn enter(space: &AddressSpace, state: State, stack_top: u64, entry: u64, boot_info: u64) -> ! {
    // SAFETY: nothing of the loader is used any more, other than `enter_kernel`, which is mapped in SPACE too, and the
    // exception handlers, which use only what SPACE maps.
    unsafe {
        if space.no_execute {
            asm!("rdmsr", "or eax, {bit}", "wrmsr", bit = const NO_EXECUTE_ENABLE, in("ecx") EFER,
                out("eax") _, out("edx") _, options(nostack));
        }
        asm!("mov {0}, cr0", "or {0}, {bit}", "mov cr0, {0}", out(reg) _, bit = const WRITE_PROTECT, options(nostack));
        match state {
            State::Own => enter_kernel(space.root, stack_top, entry, boot_info),
            State::Bootloader09 { sse } => enter_kernel_09(space.root, stack_top, entry, boot_info, sse.into()),
        }
    }
}
