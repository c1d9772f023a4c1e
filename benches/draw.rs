//! Draws `benches/cost.svg` from what criterion has measured, and prints the same as a table.
//!
//! ```console
//! $ cargo bench --bench layer -- cost
//! $ cargo run -p tower-tawk-benches --example draw
//! ```

#[path = "draw/plot.rs"]
mod plot;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The benches of criterion's group `cost`, in the order of the table's columns.
const CURVES: [&str; 3] = ["hash", "layer", "hand-written"];

/// Nanoseconds by bytes of body.
type Curve = BTreeMap<u32, f64>;

fn main() -> Result<(), Box<dyn Error>> {
    let measured = measured_in()?;
    let mut curves = [const { Curve::new() }; CURVES.len()];
    for (curve, name) in curves.iter_mut().zip(CURVES) {
        let directory = measured.join("cost").join(name);
        *curve = read(&directory).map_err(|error| {
            format!(
                "{}: {error}; run `cargo bench --bench layer -- cost` first",
                directory.display()
            )
        })?;
    }
    print(&curves);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("cost.svg");
    fs::write(&file, plot::svg(&curves)?)?;
    eprintln!("drawn: {}", file.display());
    Ok(())
}

/// Criterion writes into the directory that cargo builds in, and there this program is: in
/// `PROFILE/examples`.
fn measured_in() -> Result<PathBuf, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("this program is not where cargo builds it")?;
    Ok(target.join("criterion"))
}

/// Takes each body size's median from `BYTES/new/estimates.json`.
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
        // `report`, with criterion's own plots, is no size.
        let Some(bytes) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let json = fs::read(entry.path().join("new/estimates.json"))?;
        curve.insert(bytes, serde_json::from_slice::<Estimates>(&json)?.median.point_estimate);
    }
    if curve.is_empty() { Err("there is no size".into()) } else { Ok(curve) }
}

/// One line for each size that all curves have.
fn print(curves: &[Curve; 3]) {
    let [hash, layer, hand_written] = curves;
    println!("| body | {} | layer / hash | layer / hand-written |", CURVES.join(" | "));
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for (bytes, hash) in hash {
        let (Some(layer), Some(hand_written)) = (layer.get(bytes), hand_written.get(bytes)) else {
            continue;
        };
        let times = [*hash, *layer, *hand_written].map(plot::time).join(" | ");
        let ratios = format!("{:.2} | {:.2}", layer / hash, layer / hand_written);
        println!("| {} | {times} | {ratios} |", plot::size(*bytes));
    }
}
