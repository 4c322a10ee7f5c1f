//! Without arguments: the window. With a subcommand: the same core without it.

fn main() -> std::process::ExitCode {
    streetwise::cli::main()
}
