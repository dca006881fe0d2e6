//! The bars for the README, in the manner of `docs/explain.svg`, for light and dark pages.

use std::fmt::Write;

use crate::measure::Measured;
use crate::report::find;
use crate::subject::Group;

/// Bars longer than this many `cat` are cut, and say so.
const LONGEST: f64 = 4.0;

const LEFT: f64 = 330.0;
const UNIT: f64 = 90.0;
const LINE: f64 = 26.0;
const TOP: f64 = 46.0;
const WIDTH: f64 = 860.0;

/// Ours that stand in the chart: what people call most.
const OURS: [&str; 5] = ["print", "api-key-helper", "get", "cold", "built-in"];

const STYLE: &str = "  <style>
    .page { fill: #f6f8fa } .text { fill: #1f2328 } .quiet { fill: #59636e }
    .ours { fill: #0969da } .peer { fill: #afb8c1 } .gap { stroke: #f6f8fa }
    @media (prefers-color-scheme: dark) {
      .page { fill: #1c2128 } .text { fill: #d1d7e0 } .quiet { fill: #768390 }
      .ours { fill: #6cb6ff } .peer { fill: #545d68 } .gap { stroke: #1c2128 }
    }
  </style>
";

struct Bar {
    name: String,
    ratio: f64,
    millis: f64,
    is_ours: bool,
}

pub(crate) fn draw(results: &[Measured]) -> String {
    let bars = bars(results);
    let height = TOP + LINE * to_f64(bars.len()) + 16.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\"\n     font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, \
         monospace\" font-size=\"14\" role=\"img\">\n  <title>how long one call takes, cat keyfile being 1</title>\n\
         {STYLE}  <rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n  \
         <text class=\"quiet\" x=\"16\" y=\"28\">how long one call takes, cat keyfile being 1: shorter is better</text>\n"
    );
    for (number, bar) in bars.iter().enumerate() {
        let y = TOP + LINE * to_f64(number);
        let length = bar.ratio.min(LONGEST) * UNIT;
        let (class, name) = if bar.is_ours { ("ours", "text") } else { ("peer", "quiet") };
        // Writing into a string never fails.
        let _ = writeln!(svg, "  <text class=\"{name}\" x=\"16\" y=\"{:.0}\">{}</text>", y + 14.0, bar.name);
        let _ = writeln!(
            svg,
            "  <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.0}\" width=\"{length:.0}\" height=\"18\" rx=\"2\"/>"
        );
        if bar.ratio > LONGEST {
            let x = LEFT + length - 24.0;
            let _ = writeln!(svg, "  <path class=\"gap\" stroke-width=\"5\" d=\"M{:.0} {:.0} l8 -26\"/>", x, y + 22.0);
        }
        let _ = writeln!(
            svg,
            "  <text class=\"{name}\" x=\"{:.0}\" y=\"{:.0}\">{} × · {} ms</text>",
            LEFT + length + 8.0,
            y + 14.0,
            short(bar.ratio),
            short(bar.millis)
        );
    }
    svg + "</svg>\n"
}

/// Ours and the others, the fastest first.
fn bars(results: &[Measured]) -> Vec<Bar> {
    let Some(cat) = find(results, "cat") else { return Vec::new() };
    let shown =
        |row: &&Measured| OURS.contains(&row.id) || row.group == Group::Peer || ["cat", "empty"].contains(&row.id);
    let mut bars: Vec<Bar> = results
        .iter()
        .filter(shown)
        .map(|row| {
            let is_ours = OURS.contains(&row.id);
            let prefix = match row.group {
                Group::Warm => "claude-credential ",
                _ => "",
            };
            let name = match row.id {
                "cold" => "claude-credential print, cold".to_owned(),
                "built-in" => "claude-credential print, no cache".to_owned(),
                _ => format!("{prefix}{}", row.name),
            };
            Bar { name, ratio: row.against(cat), millis: row.millis(), is_ours }
        })
        .collect();
    bars.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    bars
}

/// Three digits.
fn short(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
