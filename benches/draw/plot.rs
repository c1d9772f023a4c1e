//! Plots time against body size on logarithmic axes, as a standalone SVG.
//!
//! The background is opaque, so that the plot is readable on light and dark pages.

use std::fmt::{self, Write};

use crate::{CURVES, Curve};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 756.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 412.0;

/// Color and dash pattern of each curve, in the order of [`CURVES`]. The colors are from the
/// color-blind safe palette of Okabe and Ito.
const STROKES: [(&str, &str); 3] = [("#555555", "2 5"), ("#0072b2", "none"), ("#d55e00", "9 5")];

const STYLE: &str = "text { font: 14px system-ui, sans-serif; fill: #1f2328 } \
    .title { font-size: 17px; font-weight: 600 } \
    .grid { stroke: #d8dee4 } .fine { stroke: #eff2f5 } \
    .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round } \
    .end { text-anchor: end } .middle { text-anchor: middle }";

/// Returns the position of `value` between `min` and `max` on a logarithmic scale, from 0 to 1.
fn log_position(value: f64, (min, max): (f64, f64)) -> f64 {
    (value / min).ln() / (max / min).ln()
}

/// The minimum and maximum of each axis.
struct Axes {
    bytes: (f64, f64),
    nanoseconds: (f64, f64),
}

impl Axes {
    /// Fits the axes to the curves. The time axis starts and ends at a tick.
    fn fit(curves: &[Curve]) -> Self {
        let sizes = curves.iter().flat_map(Curve::keys).map(|bytes| f64::from(*bytes));
        let times = curves.iter().flat_map(Curve::values).copied();
        let (fastest, slowest) = min_max(times);
        let ticks = || time_ticks().map(|(nanoseconds, _)| nanoseconds);
        Self {
            bytes: min_max(sizes),
            nanoseconds: (
                ticks().take_while(|tick| *tick <= fastest).last().unwrap_or(1.0),
                ticks().find(|tick| *tick >= slowest).unwrap_or(slowest),
            ),
        }
    }

    fn x(&self, bytes: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * log_position(bytes, self.bytes)
    }

    fn y(&self, nanoseconds: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * log_position(nanoseconds, self.nanoseconds)
    }
}

fn min_max(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(min, max), value| (value.min(min), value.max(max)))
}

/// Returns 1, 2, 5, 10, 20, 50 ns up to 5 s, and whether the tick is a power of ten.
fn time_ticks() -> impl Iterator<Item = (f64, bool)> {
    (0..10).flat_map(|power| [1.0, 2.0, 5.0].map(|step| (step * 10_f64.powi(power), step < 2.0)))
}

pub(crate) fn svg(curves: &[Curve; 3]) -> Result<String, fmt::Error> {
    let axes = Axes::fit(curves);
    let svg = &mut String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"
    role="img" aria-labelledby="title about">
<title id="title">Cost of a verified request by body size</title>
<desc id="about">Three rising curves on logarithmic axes:
    HMAC-SHA1 only, the layer, and a hand-written handler.</desc>
<style>{STYLE}</style>
<rect x="0.5" y="0.5" width="{}" height="{}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<text class="title" x="{LEFT}" y="34">Cost of a verified request by body size</text>"##,
        WIDTH - 1.0,
        HEIGHT - 1.0,
    )?;
    size_axis(svg, &axes)?;
    time_axis(svg, &axes)?;
    for (curve, stroke) in curves.iter().zip(STROKES) {
        polyline(svg, &axes, curve, stroke)?;
    }
    legend(svg)?;
    writeln!(svg, "</svg>")?;
    Ok(std::mem::take(svg))
}

/// Writes the horizontal axis, with a tick at each power of four.
fn size_axis(svg: &mut String, axes: &Axes) -> fmt::Result {
    for bytes in (0..16).map(|power| 1_u32 << (2 * power)) {
        if (axes.bytes.0..=axes.bytes.1).contains(&f64::from(bytes)) {
            let (x, y) = (axes.x(f64::from(bytes)), BOTTOM + 22.0);
            writeln!(svg, r#"<path class="grid" d="M{x:.1} {TOP}V{BOTTOM}"/>"#)?;
            writeln!(
                svg,
                r#"<text class="middle" x="{x:.1}" y="{y}">{}</text>"#,
                format_size(bytes)
            )?;
        }
    }
    let (x, y) = (f64::midpoint(LEFT, RIGHT), BOTTOM + 50.0);
    writeln!(svg, r#"<text class="middle" x="{x}" y="{y}">body size</text>"#)
}

/// Writes the vertical axis, with a label at each power of ten.
fn time_axis(svg: &mut String, axes: &Axes) -> fmt::Result {
    let (min, max) = axes.nanoseconds;
    for (nanoseconds, is_major) in time_ticks().filter(|(tick, _)| (min..=max).contains(tick)) {
        let y = axes.y(nanoseconds);
        let class = if is_major { "grid" } else { "fine" };
        writeln!(svg, r#"<path class="{class}" d="M{LEFT} {y:.1}H{RIGHT}"/>"#)?;
        if is_major {
            let (x, y, time) = (LEFT - 10.0, y + 5.0, format_tick(nanoseconds));
            writeln!(svg, r#"<text class="end" x="{x}" y="{y:.1}">{time}</text>"#)?;
        }
    }
    let y = f64::midpoint(TOP, BOTTOM);
    writeln!(
        svg,
        r#"<text class="middle" transform="translate(22 {y}) rotate(-90)">time per request</text>"#
    )
}

fn polyline(
    svg: &mut String,
    axes: &Axes,
    curve: &Curve,
    (color, dashes): (&str, &str),
) -> fmt::Result {
    let points = curve.iter().map(|(bytes, time)| (axes.x(f64::from(*bytes)), axes.y(*time)));
    write!(
        svg,
        r#"<polyline class="curve" stroke="{color}" stroke-dasharray="{dashes}" points=""#
    )?;
    for (x, y) in points.clone() {
        write!(svg, "{x:.1},{y:.1} ")?;
    }
    writeln!(svg, r#""/>"#)?;
    for (x, y) in points {
        writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{color}"/>"#)?;
    }
    Ok(())
}

/// Writes the legend in the top left corner, which rising curves leave free.
fn legend(svg: &mut String) -> fmt::Result {
    let (x, mut y) = (LEFT + 16.0, TOP + 16.0);
    writeln!(
        svg,
        r##"<rect x="{x}" y="{y}" width="190" height="86" rx="6"
    fill="#ffffff" stroke="#d0d7de"/>"##
    )?;
    // Slowest first, as in the plot.
    for (name, (color, dashes)) in CURVES.iter().zip(STROKES).rev() {
        y += 22.0;
        writeln!(
            svg,
            r#"<path class="curve" stroke="{color}" stroke-dasharray="{dashes}" d="M{} {y}h42"/>
<text x="{}" y="{}">{name}</text>"#,
            x + 14.0,
            x + 68.0,
            y + 5.0,
        )?;
    }
    Ok(())
}

pub(crate) fn format_size(bytes: u32) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000.. => format!("{} MiB", bytes >> 20),
    }
}

/// Formats a time with three significant digits.
pub(crate) fn format_time(nanoseconds: f64) -> String {
    let (value, unit) = scale(nanoseconds);
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

fn format_tick(nanoseconds: f64) -> String {
    let (value, unit) = scale(nanoseconds);
    format!("{value:.0} {unit}")
}

fn scale(nanoseconds: f64) -> (f64, &'static str) {
    if nanoseconds < 1e3 {
        (nanoseconds, "ns")
    } else if nanoseconds < 1e6 {
        (nanoseconds / 1e3, "µs")
    } else {
        (nanoseconds / 1e6, "ms")
    }
}
