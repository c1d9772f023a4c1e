//! The plot: time against body size, both logarithmic, as an SVG that needs nothing else.
//!
//! It brings its own light ground, so that it reads the same on a light page and on a dark one.

use std::fmt::{self, Write};

use crate::{CURVES, Curve};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 756.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 412.0;

/// Colours that stay apart to colour-blind eyes (Okabe and Ito), and dashes for the rest of us on
/// paper; in the order of [`CURVES`].
const STROKES: [(&str, &str); 3] = [("#555555", "2 5"), ("#0072b2", "none"), ("#d55e00", "9 5")];

const STYLE: &str = "text { font: 14px system-ui, sans-serif; fill: #1f2328 } \
    .title { font-size: 17px; font-weight: 600 } \
    .grid { stroke: #d8dee4 } .fine { stroke: #eff2f5 } \
    .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round } \
    .end { text-anchor: end } .middle { text-anchor: middle }";

/// Where a value lies between two others, on a logarithmic scale, from 0 to 1.
fn along(value: f64, from: f64, to: f64) -> f64 {
    (value / from).ln() / (to / from).ln()
}

/// What the axes reach from and to.
struct Axes {
    bytes: (f64, f64),
    nanoseconds: (f64, f64),
}

impl Axes {
    /// The least that holds every point. In time, from a mark to a mark.
    fn around(curves: &[Curve]) -> Self {
        let sizes = || curves.iter().flat_map(Curve::keys).map(|bytes| f64::from(*bytes));
        let times = || curves.iter().flat_map(Curve::values).copied();
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let (fastest, slowest) = (least(&mut times()), most(&mut times()));
        let marks = || marks().map(|(nanoseconds, _)| nanoseconds);
        Self {
            bytes: (least(&mut sizes()), most(&mut sizes())),
            nanoseconds: (
                marks().take_while(|mark| *mark <= fastest).last().unwrap_or(1.0),
                marks().find(|mark| *mark >= slowest).unwrap_or(slowest),
            ),
        }
    }

    fn x(&self, bytes: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * along(bytes, self.bytes.0, self.bytes.1)
    }

    fn y(&self, nanoseconds: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * along(nanoseconds, self.nanoseconds.0, self.nanoseconds.1)
    }
}

/// 1, 2, 5, 10, 20, 50 ns and so on to 5 s, and whether it is a power of ten.
fn marks() -> impl Iterator<Item = (f64, bool)> {
    (0..10).flat_map(|power| [1.0, 2.0, 5.0].map(|step| (step * 10_f64.powi(power), step < 2.0)))
}

pub(crate) fn svg(curves: &[Curve; 3]) -> Result<String, fmt::Error> {
    let axes = Axes::around(curves);
    let svg = &mut String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title about">
<title id="title">The cost of a verified request, by the size of its body</title>
<desc id="about">Three rising curves on logarithmic axes: the hash alone, the layer, and a hand-written handler.</desc>
<style>{STYLE}</style>
<rect x="0.5" y="0.5" width="{}" height="{}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<text class="title" x="{LEFT}" y="34">The cost of a verified request, by the size of its body</text>"##,
        WIDTH - 1.0,
        HEIGHT - 1.0,
    )?;
    sizes(svg, &axes)?;
    times(svg, &axes)?;
    for (curve, stroke) in curves.iter().zip(STROKES) {
        line(svg, &axes, curve, stroke)?;
    }
    legend(svg)?;
    writeln!(svg, "</svg>")?;
    Ok(std::mem::take(svg))
}

/// The axis below, with a mark at each power of four.
fn sizes(svg: &mut String, axes: &Axes) -> fmt::Result {
    for bytes in (0..16).map(|power| 1_u32 << (2 * power)) {
        if (axes.bytes.0..=axes.bytes.1).contains(&f64::from(bytes)) {
            let (x, y) = (axes.x(f64::from(bytes)), BOTTOM + 22.0);
            writeln!(svg, r#"<path class="grid" d="M{x:.1} {TOP}V{BOTTOM}"/>"#)?;
            writeln!(svg, r#"<text class="middle" x="{x:.1}" y="{y}">{}</text>"#, size(bytes))?;
        }
    }
    let (x, y) = (f64::midpoint(LEFT, RIGHT), BOTTOM + 50.0);
    writeln!(svg, r#"<text class="middle" x="{x}" y="{y}">size of the body</text>"#)
}

/// The axis at the left, with a name at each power of ten.
fn times(svg: &mut String, axes: &Axes) -> fmt::Result {
    let (from, to) = axes.nanoseconds;
    for (nanoseconds, whole) in marks().filter(|(mark, _)| (from..=to).contains(mark)) {
        let y = axes.y(nanoseconds);
        let class = if whole { "grid" } else { "fine" };
        writeln!(svg, r#"<path class="{class}" d="M{LEFT} {y:.1}H{RIGHT}"/>"#)?;
        if whole {
            let (x, y, time) = (LEFT - 10.0, y + 5.0, mark(nanoseconds));
            writeln!(svg, r#"<text class="end" x="{x}" y="{y:.1}">{time}</text>"#)?;
        }
    }
    let y = f64::midpoint(TOP, BOTTOM);
    writeln!(
        svg,
        r#"<text class="middle" transform="translate(22 {y}) rotate(-90)">time for one request</text>"#
    )
}

fn line(
    svg: &mut String,
    axes: &Axes,
    curve: &Curve,
    (colour, dashes): (&str, &str),
) -> fmt::Result {
    let points = curve.iter().map(|(bytes, time)| (axes.x(f64::from(*bytes)), axes.y(*time)));
    write!(
        svg,
        r#"<polyline class="curve" stroke="{colour}" stroke-dasharray="{dashes}" points=""#
    )?;
    for (x, y) in points.clone() {
        write!(svg, "{x:.1},{y:.1} ")?;
    }
    writeln!(svg, r#""/>"#)?;
    for (x, y) in points {
        writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#)?;
    }
    Ok(())
}

/// Top left, where rising curves leave room.
fn legend(svg: &mut String) -> fmt::Result {
    let (x, mut y) = (LEFT + 16.0, TOP + 16.0);
    writeln!(
        svg,
        r##"<rect x="{x}" y="{y}" width="190" height="86" rx="6" fill="#ffffff" stroke="#d0d7de"/>"##
    )?;
    // The slowest stands at the top, as in the plot.
    for (name, (colour, dashes)) in CURVES.iter().zip(STROKES).rev() {
        y += 22.0;
        writeln!(
            svg,
            r#"<path class="curve" stroke="{colour}" stroke-dasharray="{dashes}" d="M{} {y}h42"/>
<text x="{}" y="{}">{name}</text>"#,
            x + 14.0,
            x + 68.0,
            y + 5.0,
        )?;
    }
    Ok(())
}

/// A body's size, as people say it.
pub(crate) fn size(bytes: u32) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000.. => format!("{} MiB", bytes >> 20),
    }
}

/// A time to three digits.
pub(crate) fn time(nanoseconds: f64) -> String {
    let (value, unit) = unit(nanoseconds);
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

/// A power of ten.
fn mark(nanoseconds: f64) -> String {
    let (value, unit) = unit(nanoseconds);
    format!("{value:.0} {unit}")
}

fn unit(nanoseconds: f64) -> (f64, &'static str) {
    if nanoseconds < 1e3 {
        (nanoseconds, "ns")
    } else if nanoseconds < 1e6 {
        (nanoseconds / 1e3, "µs")
    } else {
        (nanoseconds / 1e6, "ms")
    }
}
