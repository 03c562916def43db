//! The checks on the kernel's ELF file: everything that could make loading it go wrong is found before it begins.

use core::fmt;
use layout::*;
use osimage_boot_info::Rights;

/// Says why the kernel cannot be loaded, and halts.
macro_rules! refuse {
    ($($what:tt)*) => { stop!("the kernel cannot be loaded: {}", format_args!($($what)*)) };
}
pub(crate) use refuse;

const CAPACITY: usize = MAX_LOAD_SEGMENTS as usize;

const MAGIC: u32 = u32::from_le_bytes(*b"\x7fELF");
const EXECUTABLE: u64 = 2;
const POSITION_INDEPENDENT: u64 = 3;
const X86_64: u64 = 62;
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const THREAD_LOCAL: u32 = 7;

#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    magic: u32,
    class: u8,
    encoding: u8,
    ident_version: u8,
    ident_rest: [u8; 9],
    kind: u16,
    machine: u16,
    version: u32,
    entry: u64,
    program_headers: u64,
    section_headers: u64,
    flags: u32,
    size: u16,
    program_header_size: u16,
    program_header_count: u16,
    section_header_size: u16,
    section_header_count: u16,
    section_names: u16,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical_address: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
}

/// A loadable segment; its addresses are the ones it is mapped at.
#[derive(Clone, Copy)]
pub struct Segment {
    pub index: u64,
    pub address: u64,
    pub memory_size: u64,
    pub file_offset: u64,
    pub file_size: u64,
    pub rights: Rights,
}

/// The template of thread-local storage; it lies within a segment, or is all zeros.
#[derive(Clone, Copy, Default)]
pub struct ThreadLocal {
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
}

/// A kernel that can be loaded.
pub struct Kernel<'a> {
    pub image: &'a [u8],
    pub entry: u64,
    /// What is added to the addresses in the file.
    pub offset: u64,
    /// Address and bytes of the dynamic section, which lists the relocations; zero bytes where there is none.
    pub dynamic: (u64, u64),
    pub thread_local: Option<ThreadLocal>,
    segments: [Segment; CAPACITY],
    count: usize,
}

impl Segment {
    pub fn end(&self) -> u64 {
        self.address + self.memory_size
    }
}

impl Kernel<'_> {
    /// In ascending order of their addresses.
    pub fn segments(&self) -> &[Segment] {
        &self.segments[..self.count]
    }

    fn insert(&mut self, segment: Segment) {
        if self.count == CAPACITY {
            refuse!("it has more than {CAPACITY} loadable segments");
        }
        let place = self.segments().iter().position(|other| other.address > segment.address).unwrap_or(self.count);
        self.segments.copy_within(place..self.count, place + 1);
        self.segments[place] = segment;
        self.count += 1;
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} ({} at {:#x}..{:#x})", self.index, self.rights, self.address, self.end())
    }
}

/// The kernel in IMAGE, which is fit to be loaded; otherwise this does not return. For AS_BOOTLOADER_09 that is what the
/// crate's loader takes: nothing is relocated, segments may be writable and executable, thread-local storage is passed on.
pub fn check(image: &[u8], as_bootloader_09: bool) -> Kernel<'_> {
    let size = image.len();
    let Some(header) = read::<Header>(image, 0) else {
        refuse!("it has {size} bytes, less than the {} of an ELF header", size_of::<Header>());
    };
    check_header(&header);
    let relocated = u64::from(header.kind) == POSITION_INDEPENDENT && !as_bootloader_09;
    let offset = if relocated { PIE_BASE } else { 0 };
    let nothing = Segment { index: 0, address: 0, memory_size: 0, file_offset: 0, file_size: 0, rights: Rights(0) };
    let entry = header.entry.wrapping_add(offset);
    let segments = [nothing; CAPACITY];
    let mut kernel = Kernel { image, entry, offset, dynamic: (0, 0), thread_local: None, segments, count: 0 };

    let (first, count) = (header.program_headers, u64::from(header.program_header_count));
    for index in 0..count {
        let at = first.checked_add(index * size_of::<ProgramHeader>() as u64);
        let Some(program_header) = at.and_then(|at| read::<ProgramHeader>(image, at)) else {
            refuse!("its {count} program headers at byte {first} reach behind the end of the file of {size} bytes");
        };
        match program_header.kind {
            LOAD if program_header.memory_size != 0 || program_header.file_size != 0 => {
                kernel.insert(check_segment(index, &program_header, offset, size, as_bootloader_09));
            }
            THREAD_LOCAL => {
                let ProgramHeader { address, file_size, memory_size, .. } = program_header;
                if kernel.thread_local.replace(ThreadLocal { address, file_size, memory_size }).is_some() {
                    refuse!("it has more than one template of thread-local storage");
                }
            }
            DYNAMIC if as_bootloader_09 => {}
            INTERPRETER if as_bootloader_09 => {}
            DYNAMIC => kernel.dynamic = (program_header.address, program_header.memory_size),
            INTERPRETER => refuse!("program header {index} asks for a dynamic linker"),
            _ => {}
        }
    }
    check_together(&kernel);
    kernel
}

fn check_header(header: &Header) {
    let [class, encoding, ident_version] = [header.class, header.encoding, header.ident_version].map(u64::from);
    let [machine, kind, size] = [header.machine, header.kind, header.program_header_size].map(u64::from);
    let version = u64::from(header.version);
    if header.magic != MAGIC {
        let found = u64::from(header.magic);
        refuse!("it is not an ELF file: it begins with {found:#010x}, not {:#010x}", u64::from(MAGIC));
    }
    if class != 2 || encoding != 1 {
        refuse!("it is not a 64-bit little-endian ELF file: class {class} and data encoding {encoding}, not 2 and 1");
    }
    if ident_version != 1 || version != 1 {
        refuse!("its ELF version is {ident_version}/{version}, not 1/1");
    }
    if machine != X86_64 {
        refuse!("it is for machine {machine}, not for x86-64 ({X86_64})");
    }
    if kind != EXECUTABLE && kind != POSITION_INDEPENDENT {
        refuse!("its ELF type is {kind}, neither executable (2) nor position-independent executable (3)");
    }
    if header.program_header_count != 0 && size != size_of::<ProgramHeader>() as u64 {
        refuse!("its program headers have {size} bytes each, not {}", size_of::<ProgramHeader>());
    }
}

fn check_segment(index: u64, header: &ProgramHeader, bias: u64, size: usize, as_bootloader_09: bool) -> Segment {
    let ProgramHeader { offset, address, file_size, memory_size, .. } = *header;
    if file_size != 0 && offset.checked_add(file_size).is_none_or(|end| end > size as u64) {
        refuse!(
            "the {file_size} bytes of segment {index} at byte {offset} reach behind the end of the file of {size} bytes"
        );
    }
    if file_size > memory_size {
        refuse!("segment {index} has {file_size} bytes in the file but only {memory_size} in memory");
    }
    let start = address.checked_add(bias);
    let (Some(start), Some(end)) = (start, start.and_then(|start| start.checked_add(memory_size))) else {
        refuse!(
            "segment {index} at {address:#x} with {memory_size:#x} bytes wraps around the end of the address space"
        );
    };
    let lower_end = if as_bootloader_09 { LOADER_WINDOW_END } else { LOADER_WINDOW };
    let lower = KERNEL_MIN_VADDR <= start && end <= lower_end;
    let higher = HIGHER_HALF <= start && end <= HIGHER_HALF_END;
    if !lower && !higher {
        refuse!(
            "segment {index} at {start:#x}..{end:#x} is outside of {KERNEL_MIN_VADDR:#x}..{lower_end:#x} and \
             {HIGHER_HALF:#x}..{HIGHER_HALF_END:#x}, where the loader can map it"
        );
    }
    let rights = Rights(header.flags & (Rights::WRITE | Rights::EXECUTE));
    if rights.writable() && rights.executable() && !as_bootloader_09 {
        refuse!("segment {index} at {start:#x}..{end:#x} is both writable and executable");
    }
    Segment { index, address: start, memory_size, file_offset: offset, file_size, rights }
}

fn check_together(kernel: &Kernel) {
    let segments = kernel.segments();
    if segments.is_empty() {
        refuse!("it has no loadable segment");
    }
    for pair in segments.windows(2) {
        let (first, second) = (&pair[0], &pair[1]);
        if second.address < first.end() {
            refuse!("{first} and {second} overlap");
        }
        let page = second.address - second.address % PAGE_SIZE;
        if page < first.end() && first.rights != second.rights {
            refuse!("{first} and {second} share the page at {page:#x} but not their rights");
        }
    }
    let entry = kernel.entry;
    match segments.iter().find(|segment| segment.address <= entry && entry < segment.end()) {
        Some(segment) if segment.rights.executable() => {}
        Some(segment) => refuse!("its entry {entry:#x} lies in {segment}, which is not executable"),
        None => refuse!("its entry {entry:#x} lies in no segment"),
    }
}

/// The structure at OFFSET of IMAGE, if it lies within. T is a plain structure of integers.
fn read<T: Copy>(image: &[u8], offset: u64) -> Option<T> {
    let bytes = image.get(usize::try_from(offset).ok()?..)?.get(..size_of::<T>())?;
    // SAFETY: there are enough bytes, and any are integers.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
