//! # A picture of one device: the truth against each rule
//!
//! SVG; a row a week and rule, when it was away. A wrong one is red.

use std::fmt::Write as _;

use super::world::Line;

const DAY: f64 = 86_400.0;
const WEEK: f64 = 7.0 * DAY;
/// Pictures of more weeks than this show the last ones.
const WEEKS_MAX: usize = 26;
const LEFT: f64 = 110.0;
const WIDE: f64 = 1_060.0;
const ROW: f64 = 9.0;

/// The picture of `line` over `span`, in seconds from the beginning.
pub fn svg(line: &Line, span: (f64, f64)) -> String {
    let weeks = ((span.1 - span.0) / WEEK).ceil().max(1.0) as usize;
    let first = weeks.saturating_sub(WEEKS_MAX);
    let rows = line.said.len() + 1;
    let week_high = rows as f64 * ROW + 10.0;
    let high = 40.0 + (weeks - first) as f64 * week_high;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{high:.0}\" font-family=\"sans-serif\" font-size=\"9\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"16\" font-size=\"13\">{}: away in truth (grey), as each rule said (blue), wrongly (red)</text>\n",
        LEFT + WIDE + 10.0,
        escaped(&line.name)
    );
    for (day, name) in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().enumerate() {
        let x = LEFT + WIDE * day as f64 / 7.0;
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"32\">{name}</text><path d=\"M{x:.1} 36V{high:.0}\" stroke=\"#ddd\"/>"
        );
    }
    // Weeks begin on Mondays, as the beginning does.
    let monday = (span.0 / WEEK).floor() * WEEK;
    for week in first..weeks {
        let from = monday + week as f64 * WEEK;
        let top = 38.0 + (week - first) as f64 * week_high;
        row(&mut out, "truth", top, &line.out, from, |_| "#777");
        for (index, (rule, said)) in line.said.iter().enumerate() {
            let away = spans(said, span.1);
            let wrong = |from: f64| !line.out.iter().any(|(left, back)| (*left..*back).contains(&from));
            row(&mut out, rule, top + (index + 1) as f64 * ROW, &away, from, |begun| {
                if wrong(begun) { "#d33" } else { "#48c" }
            });
        }
    }
    out.push_str("</svg>\n");
    out
}

/// From each `away` to the `home` after it.
fn spans(said: &[(f64, bool)], end: f64) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    for (index, (at, away)) in said.iter().enumerate() {
        if *away {
            spans.push((*at, said.get(index + 1).map_or(end, |(until, _)| *until)));
        }
    }
    spans
}

fn row(out: &mut String, name: &str, y: f64, spans: &[(f64, f64)], week: f64, colour: impl Fn(f64) -> &'static str) {
    let _ = writeln!(out, "<text x=\"8\" y=\"{:.1}\">{}</text>", y + 7.0, escaped(name));
    for (from, until) in spans.iter().filter(|(from, until)| *from < week + WEEK && *until > week) {
        let x = LEFT + WIDE * ((from - week) / WEEK).max(0.0);
        let end = LEFT + WIDE * ((until - week) / WEEK).min(1.0);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            (end - x).max(0.6),
            ROW - 2.0,
            colour(*from)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_away_is_red() {
        let line = Line {
            name: "a<b".into(),
            out: vec![(DAY, 2.0 * DAY)],
            said: vec![
                ("engine".into(), vec![(DAY + 100.0, true), (2.0 * DAY, false)]),
                ("180 s".into(), vec![(3.0 * DAY, true), (3.0 * DAY + 60.0, false)]),
            ],
        };
        let svg = svg(&line, (0.0, 14.0 * DAY));
        assert_eq!(
            (svg.matches("#777\"/>").count(), svg.matches("#48c").count(), svg.matches("#d33").count()),
            (1, 1, 1)
        );
        assert!(svg.contains("a&lt;b") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }
}
