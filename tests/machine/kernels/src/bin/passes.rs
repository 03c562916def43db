//! Three tests that pass.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    common::run(&[("kernels::first", || {}), ("kernels::second", || {}), ("kernels::third", || {})])
}
