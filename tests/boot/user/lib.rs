//! Nothing: only its manifest counts, from which cargo knows which crate to fetch.
#![no_std]
