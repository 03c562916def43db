//! The boot information record that osimage's loader hands to a kernel, in RDI, when it calls the kernel's entry.
//!
//! The record is size-prefixed and append-only: a newer loader may add fields behind the ones that a kernel knows, and
//! never changes one. The lists and texts it names follow it, at offsets from its beginning, so that it can be mapped
//! or copied elsewhere as a whole ([`BootInfo::total_size`] bytes). It is mapped read-only.
//!
//! At the entry the processor is in 64-bit mode with interrupts off; write protection also holds for the kernel (CR0.WP),
//! pages that are not executable are so (EFER.NXE, where the processor has it), SSE is usable, and AVX where there is
//! any. The stack is as after a call: RSP names a return address of zero. SS, DS, ES, FS and GS are null.
//!
//! The loader's own GDT, TSS, IDT and page tables stay in force until the kernel loads others: a processor exception
//! before that is told on screen and serial port. Memory of kind [`MemoryKind::LoaderReclaimable`] holds them. The BIOS's
//! interrupt controllers are left as they were: unmasked, with vectors that overlap with exceptions.
//!
//! Mapped are, besides the kernel's segments, its stack and this record: the memory of VGA (0xa0000 to 0xc0000) and the
//! loader below 1 MiB, at their physical addresses. Everything else is not, the first page included.
//!
//! ```ignore
//! #[unsafe(no_mangle)]
//! extern "C" fn _start(record: *const osimage_boot_info::Record) -> ! {
//!     // SAFETY: the loader passes the address of its record.
//!     let boot_info = unsafe { osimage_boot_info::BootInfo::from_ptr(record) }.expect("not started by osimage");
//!     for region in boot_info.memory_map() { /* ... */ }
//! #   loop {}
//! }
//! ```
#![no_std]
#![warn(missing_docs)]

mod memory;
mod record;

pub use memory::{MemoryKind, MemoryRegion};
pub use record::{
    BOOT_PATH_BIOS, FORMAT_NONE, FORMAT_TEXT, Framebuffer, KernelSegment, List, MAGIC, NOT_MAPPED, Record, Rights,
    Stack, VERSION,
};

use core::fmt;
use core::mem::size_of;

/// A [`Record`] that was checked, with its lists and texts.
#[repr(transparent)]
pub struct BootInfo(Record);

/// Why a pointer is not one to a boot information record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootInfoError {
    /// The pointer is null or not aligned to 8 bytes.
    Pointer,
    /// It does not begin with [`MAGIC`]; this is what was found.
    Magic(u64),
    /// Its version, or its size in bytes, is below the ones of this crate.
    TooOld {
        /// [`Record::version`].
        version: u32,
        /// [`Record::size`].
        size: u32,
    },
    /// A list or text reaches behind the record's total size.
    Damaged,
}

impl fmt::Display for BootInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BootInfoError::Pointer => f.write_str("the pointer to the boot information is null or not aligned"),
            BootInfoError::Magic(found) => {
                write!(f, "the boot information begins with {found:#x} instead of {MAGIC:#x}")
            }
            BootInfoError::TooOld { version, size } => write!(
                f,
                "the boot information is version {version} with {size} bytes; this kernel reads version {VERSION} \
                 with {} bytes",
                size_of::<Record>()
            ),
            BootInfoError::Damaged => f.write_str("a list in the boot information reaches behind its end"),
        }
    }
}

impl core::error::Error for BootInfoError {}

impl BootInfo {
    /// The record at POINTER, which the loader passed in RDI, once magic, version and sizes are found right.
    ///
    /// # Errors
    /// [`BootInfoError`], when it is no record, or one older than this crate.
    ///
    /// # Safety
    /// POINTER may be null or misaligned; otherwise 16 bytes must be readable there, and as many as its total size when
    /// it begins with [`MAGIC`]. They must not change while the result is in use.
    pub unsafe fn from_ptr<'a>(pointer: *const Record) -> Result<&'a BootInfo, BootInfoError> {
        if pointer.is_null() || !pointer.is_aligned() {
            return Err(BootInfoError::Pointer);
        }
        // SAFETY: the caller vouches for the first 16 bytes, and these three fields lie within them.
        let (magic, version, size) = unsafe { ((*pointer).magic, (*pointer).version, (*pointer).size) };
        if magic != MAGIC {
            return Err(BootInfoError::Magic(magic));
        }
        if version < VERSION || (size as usize) < size_of::<Record>() {
            return Err(BootInfoError::TooOld { version, size });
        }
        // SAFETY: it has the magic and is long enough for a record of this version.
        let info = unsafe { &*pointer.cast::<BootInfo>() };
        if info.is_whole() { Ok(info) } else { Err(BootInfoError::Damaged) }
    }

    /// Bytes of the record with all that it names, from its first byte.
    #[must_use]
    pub fn total_size(&self) -> usize {
        self.0.total_size as usize
    }

    /// All memory that firmware told of, in ascending order, page-aligned, without overlap; what lies in no region is
    /// not memory.
    pub fn memory_map(&self) -> impl ExactSizeIterator<Item = MemoryRegion> + Clone + '_ {
        self.list(self.0.memory_map)
    }

    /// The kernel's loaded segments in ascending order of their virtual addresses.
    pub fn kernel_segments(&self) -> impl ExactSizeIterator<Item = KernelSegment> + Clone + '_ {
        self.list(self.0.kernel_segments)
    }

    /// What was said to the image builder for the kernel to read; empty when nothing was.
    #[must_use]
    pub fn command_line(&self) -> &str {
        self.text(self.0.command_line)
    }

    /// Name and version of the loader.
    #[must_use]
    pub fn loader(&self) -> &str {
        self.text(self.0.loader)
    }

    /// The physical address of the ACPI root pointer (RSDP), if there is one.
    #[must_use]
    pub fn rsdp(&self) -> Option<u64> {
        (self.0.rsdp != 0).then_some(self.0.rsdp)
    }

    /// What was added to the addresses in the kernel's ELF file: zero unless it is position-independent.
    #[must_use]
    pub fn kernel_offset(&self) -> u64 {
        self.0.kernel_offset
    }

    /// The kernel's whole ELF file in physical memory: address and bytes.
    #[must_use]
    pub fn kernel_image(&self) -> (u64, u64) {
        (self.0.kernel_image_address, self.0.kernel_image_size)
    }

    /// The stack that the kernel was entered on. The page below its bottom is not mapped.
    #[must_use]
    pub fn stack(&self) -> Stack {
        self.0.stack
    }

    /// The screen: VGA text or pixels, or `None`.
    #[must_use]
    pub fn framebuffer(&self) -> Option<Framebuffer> {
        (self.0.framebuffer.format != FORMAT_NONE).then_some(self.0.framebuffer)
    }

    /// What to add to a physical address to read it, where all physical memory is mapped.
    #[must_use]
    pub fn physical_memory_offset(&self) -> Option<u64> {
        (self.0.physical_memory_offset != NOT_MAPPED).then_some(self.0.physical_memory_offset)
    }

    /// The BIOS number of the drive that the machine was started from, if BIOS started it.
    #[must_use]
    pub fn boot_drive(&self) -> Option<u8> {
        (self.0.boot_path == BOOT_PATH_BIOS).then_some(self.0.boot_drive as u8)
    }

    /// The record as it lies in memory.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }

    fn is_whole(&self) -> bool {
        let lists = [
            (self.0.memory_map, size_of::<MemoryRegion>()),
            (self.0.kernel_segments, size_of::<KernelSegment>()),
            (self.0.command_line, 1),
            (self.0.loader, 1),
        ];
        lists.iter().all(|(list, least)| {
            let end = u64::from(list.offset) + u64::from(list.count) * u64::from(list.entry_size);
            list.entry_size as usize >= *least
                && list.entry_size as usize % least.min(&8) == 0
                && end <= u64::from(self.0.total_size)
        })
    }

    /// The entries of LIST, of which `T` is the part that this crate knows.
    fn list<T: Copy>(&self, list: List) -> impl ExactSizeIterator<Item = T> + Clone + '_ {
        (0..list.count as usize).map(move |index| {
            let offset = list.offset as usize + index * list.entry_size as usize;
            // SAFETY: `is_whole` was true, so the entry lies within the record's total size.
            unsafe { (&raw const self.0).byte_add(offset).cast::<T>().read_unaligned() }
        })
    }

    fn text(&self, list: List) -> &str {
        // SAFETY: as for `list`; entries have one byte.
        let bytes = unsafe {
            core::slice::from_raw_parts(
                (&raw const self.0).byte_add(list.offset as usize).cast::<u8>(),
                list.count as usize,
            )
        };
        core::str::from_utf8(bytes).unwrap_or("")
    }
}
