//! Draws `benches/cost.svg` from the results of the `cost` benches, and prints them as a table.
//!
//! ```console
//! $ cargo bench --bench layer -- cost
//! $ cargo run -p tower-tawk-benches --example draw
//! ```

mod plot;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The benches of the group `cost`, in the order of the table's columns.
const CURVES: [&str; 3] = ["hash", "layer", "hand-written"];

/// Nanoseconds by body size.
type Curve = BTreeMap<u32, f64>;

fn main() -> Result<(), Box<dyn Error>> {
    let results = criterion_directory()?;
    let mut curves = [const { Curve::new() }; CURVES.len()];
    for (curve, name) in curves.iter_mut().zip(CURVES) {
        let directory = results.join("cost").join(name);
        *curve = read(&directory).map_err(|error| {
            format!(
                "{}: {error}; run `cargo bench --bench layer -- cost` first",
                directory.display()
            )
        })?;
    }
    print_table(&curves);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("cost.svg");
    fs::write(&file, plot::svg(&curves)?)?;
    eprintln!("wrote {}", file.display());
    Ok(())
}

/// Returns the directory of criterion's results in the target directory. This program is in its
/// subdirectory `PROFILE/examples`.
fn criterion_directory() -> Result<PathBuf, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("not run from cargo's target directory")?;
    Ok(target.join("criterion"))
}

/// Reads the median for each body size from `SIZE/new/estimates.json`.
fn read(directory: &Path) -> Result<Curve, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
    }

    let mut curve = Curve::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Skips `report`, which contains criterion's own plots.
        let Some(size) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let json = fs::read(entry.path().join("new/estimates.json"))?;
        curve.insert(size, serde_json::from_slice::<Estimates>(&json)?.median.point_estimate);
    }
    if curve.is_empty() { Err("no results found".into()) } else { Ok(curve) }
}

/// Prints a row for each body size for which all curves have a point.
fn print_table(curves: &[Curve; 3]) {
    let [hash, layer, hand_written] = curves;
    println!("| body | {} | layer / hash | layer / hand-written |", CURVES.join(" | "));
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for (size, hash) in hash {
        let (Some(layer), Some(hand_written)) = (layer.get(size), hand_written.get(size)) else {
            continue;
        };
        let times = [*hash, *layer, *hand_written].map(plot::format_time).join(" | ");
        let ratios = format!("{:.2} | {:.2}", layer / hash, layer / hand_written);
        println!("| {} | {times} | {ratios} |", plot::format_size(*size));
    }
}
