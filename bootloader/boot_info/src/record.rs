//! The record as it lies in memory.

/// The first eight bytes of a record, as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"OSIMAGE\0");
/// The version that this crate describes; each version only adds fields to the one before.
pub const VERSION: u32 = 1;
/// [`Record::boot_path`]: started by BIOS from a drive.
pub const BOOT_PATH_BIOS: u32 = 1;
/// [`Framebuffer::format`]: there is no screen that the loader knows.
pub const FORMAT_NONE: u32 = 0;
/// [`Framebuffer::format`]: VGA text; a cell has a character byte and a colour byte.
pub const FORMAT_TEXT: u32 = 1;
/// [`Record::physical_memory_offset`]: physical memory is not mapped.
pub const NOT_MAPPED: u64 = u64::MAX;

/// What RDI points to; use [`BootInfo`](crate::BootInfo) to read it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`VERSION`] of the loader.
    pub version: u32,
    /// Bytes of this record as the loader knows it.
    pub size: u32,
    /// Bytes of this record with all that it names.
    pub total_size: u32,
    /// [`BOOT_PATH_BIOS`].
    pub boot_path: u32,
    /// Of [`MemoryRegion`](crate::MemoryRegion).
    pub memory_map: List,
    /// Of [`KernelSegment`].
    pub kernel_segments: List,
    /// UTF-8 bytes.
    pub command_line: List,
    /// UTF-8 bytes.
    pub loader: List,
    /// The screen.
    pub framebuffer: Framebuffer,
    /// Physical address of the ACPI root pointer, or zero.
    pub rsdp: u64,
    /// What was added to the addresses in the kernel's ELF file.
    pub kernel_offset: u64,
    /// Physical address of the kernel's ELF file.
    pub kernel_image_address: u64,
    /// Bytes of the kernel's ELF file.
    pub kernel_image_size: u64,
    /// The stack that the kernel was entered on.
    pub stack: Stack,
    /// What to add to a physical address to read it, or [`NOT_MAPPED`].
    pub physical_memory_offset: u64,
    /// BIOS number of the drive that the machine was started from.
    pub boot_drive: u32,
    /// Zero.
    pub reserved: u32,
}

/// Where a list lies.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct List {
    /// Bytes from the beginning of the record.
    pub offset: u32,
    /// Entries.
    pub count: u32,
    /// Bytes from one entry to the next, at least those of the entry that this crate knows.
    pub entry_size: u32,
    /// Zero.
    pub reserved: u32,
}

/// A loaded segment of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct KernelSegment {
    /// Virtual address of its first byte.
    pub address: u64,
    /// Physical address of its first byte; the rest follows without gaps.
    pub physical_address: u64,
    /// Bytes in memory.
    pub size: u64,
    /// What the kernel may do with it.
    pub rights: Rights,
    /// The index of its program header in the ELF file.
    pub index: u32,
}

/// What may be done with a page; all may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Rights(pub u32);

impl Rights {
    /// May be executed; as in an ELF segment's flags.
    pub const EXECUTE: u32 = 1;
    /// May be written; as in an ELF segment's flags.
    pub const WRITE: u32 = 2;

    /// Whether it may be executed.
    #[must_use]
    pub fn executable(self) -> bool {
        self.0 & Self::EXECUTE != 0
    }

    /// Whether it may be written.
    #[must_use]
    pub fn writable(self) -> bool {
        self.0 & Self::WRITE != 0
    }
}

impl core::fmt::Display for Rights {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match (self.writable(), self.executable()) {
            (false, false) => "R",
            (true, false) => "RW",
            (false, true) => "RX",
            (true, true) => "RWX",
        })
    }
}

/// A stack, by virtual addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Stack {
    /// Its lowest byte; the page below is not mapped.
    pub bottom: u64,
    /// The address after its highest byte.
    pub top: u64,
}

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Framebuffer {
    /// Virtual address.
    pub address: u64,
    /// Pixels, or characters, in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
    /// [`FORMAT_NONE`] or [`FORMAT_TEXT`].
    pub format: u32,
}
