//! Variables that live as long as the loader.

use core::cell::UnsafeCell;

/// A variable of a program that has one thread and no interrupts.
#[repr(transparent)]
pub struct Global<T>(UnsafeCell<T>);

// SAFETY: one processor runs the loader, with interrupts off; exception handlers never return.
unsafe impl<T> Sync for Global<T> {}

impl<T> Global<T> {
    pub const fn new(value: T) -> Global<T> {
        Global(UnsafeCell::new(value))
    }

    /// The variable's address; whoever makes a reference of it sees to it that there is no other.
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}
