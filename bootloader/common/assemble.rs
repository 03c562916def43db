//! `assemble!`: assembly files as one unit, in which the named constants of the caller's scope are symbols.

macro_rules! assemble {
    (constants: [$($name:ident)*], files: [$($file:literal)*] $(,)?) => {
        core::arch::global_asm!(
            $(concat!(".set ", stringify!($name), ", {", stringify!($name), "}"),)*
            $(include_str!($file),)*
            $($name = const $name,)*
            options(att_syntax)
        );
    };
}
