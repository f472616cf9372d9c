//! `millrace bench functions`: what a cold start of each function takes, and what it weighs.
//!
//! The binaries run as they are deployed, each under a Runtime API of its own, beside a local cloud in memory and an instant
//! provider. Their events are those of `events/`.

mod callgrind;
mod measure;
mod report;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::args::BenchFunctions;
use crate::functions::{own_folder, program};
use crate::output;

use measure::{Samples, Spread};
use report::Row;
use world::{Subject, World};

/// Where `cargo lambda build` leaves the binaries.
const LAMBDA_FOLDER: &str = "target/lambda";

pub(crate) async fn run(args: &BenchFunctions) -> Result<()> {
    let folder = folder(args.functions.as_deref())?;
    let world = World::start(&folder).await?;
    let outcome = rows(args, &folder, &world).await;
    world.stop().await;
    let (rows, uncounted) = outcome?;
    match args.json {
        true => output::json(&report::json(&rows, args, uncounted.as_deref())),
        false => output::line(report::text(&rows, args, uncounted.as_deref()).trim_end()),
    }
}

/// The rows, and why instructions were not counted, where they were not.
async fn rows(args: &BenchFunctions, folder: &Path, world: &World) -> Result<(Vec<Row>, Option<String>)> {
    let mut uncounted = args.no_instructions.then(|| "not asked for".to_owned());
    if uncounted.is_none() {
        uncounted = callgrind::missing();
    }
    let mut rows = Vec::new();
    for subject in Subject::ALL {
        progress(args, &format!("{}: {} starts", subject.name(), args.runs));
        let binary = program(folder, subject.name())?;
        let samples = measure::samples(world, subject, &binary, args).await?;
        let mut instructions = None;
        if uncounted.is_none() {
            progress(args, &format!("{}: instructions", subject.name()));
            match callgrind::count(world, subject, &binary).await {
                Ok(counted) => instructions = Some(counted),
                Err(error) => uncounted = Some(format!("{}: {error:#}", subject.name())),
            }
        }
        let Samples { first_poll, first_answer, warm_answer, memory } = samples;
        let of = |samples: &[f64]| Spread::of(samples).context("nothing was measured");
        rows.push(Row {
            name: subject.name(),
            event: subject.event(),
            first_poll: of(&first_poll)?,
            first_answer: of(&first_answer)?,
            warm_answer: of(&warm_answer)?,
            memory: of(&memory)?,
            bytes: size(&binary)?,
            zip_bytes: zipped(&binary)?,
            instructions,
        });
    }
    Ok((rows, uncounted))
}

/// Progress goes to standard error, so that what is printed can be piped.
fn progress(args: &BenchFunctions, what: &str) {
    if !args.json {
        eprintln!("{what}");
    }
}

fn folder(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder.to_path_buf()),
        None if Path::new(LAMBDA_FOLDER).is_dir() => Ok(LAMBDA_FOLDER.into()),
        None => own_folder(),
    }
}

fn size(file: &Path) -> Result<u64> {
    let read = || format!("cannot read {}", file.display());
    Ok(std::fs::metadata(file).with_context(read)?.len())
}

/// The size of the zip beside the binary, or else what its one entry would have in it.
fn zipped(binary: &Path) -> Result<u64> {
    let zip = binary.with_file_name("bootstrap.zip");
    if zip.is_file() {
        return size(&zip);
    }
    let mut file =
        std::fs::File::open(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let mut packed = DeflateEncoder::new(Counted::default(), Compression::default());
    std::io::copy(&mut file, &mut packed)?;
    Ok(packed.finish()?.0)
}

/// Counts what is written, and keeps none of it.
#[derive(Default)]
struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Bench, Benchmark, Command};

    fn parsed(words: &[&str]) -> Result<Bench, clap::Error> {
        match Args::try_parse_from([&["millrace", "bench"], words].concat())?.command {
            Command::Bench(bench) => Ok(bench),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_plain_command_stays_and_the_two_are_not_mixed() {
        let plain = parsed(&["--tasks", "5"]).unwrap();
        assert!(plain.what.is_none() && plain.tasks == 5);
        let Some(Benchmark::Functions(args)) = parsed(&["functions", "--runs", "3"]).unwrap().what else {
            panic!("no functions");
        };
        assert_eq!((args.runs, args.warm, args.json), (3, 20, false));
        assert!(parsed(&["--tasks", "5", "functions"]).is_err());
        assert!(parsed(&["functions", "--runs", "0"]).is_err());
    }

    #[test]
    fn a_zip_beside_the_binary_is_what_counts() {
        let folder = std::env::temp_dir().join(format!("millrace-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("bootstrap");
        std::fs::write(&binary, vec![7; 100_000]).unwrap();
        assert_eq!(size(&binary).unwrap(), 100_000);
        assert!(zipped(&binary).unwrap() < 1_000);
        std::fs::File::create(folder.join("bootstrap.zip")).unwrap().write_all(&[0; 1_234]).unwrap();
        assert_eq!(zipped(&binary).unwrap(), 1_234);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(size(&binary).unwrap_err().to_string().contains("bootstrap"));
    }
}
