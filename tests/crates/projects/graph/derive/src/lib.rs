//! A derive macro that adds nothing.

use proc_macro::TokenStream;

/// Adds nothing.
#[proc_macro_derive(Nothing)]
pub fn nothing(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
