"""A Cargo package as a graph of rustc calls: cargo resolves and describes, the rustc calls are steps of ours."""
