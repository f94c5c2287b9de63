//! Charts as SVG: lines over two axes, and bars with intervals. Nothing but what the figures need.

use maud::{Markup, html};

/// A curve and its name.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A bar from 0 to `value`, with its interval.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Mark and text along an axis.
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;
const ROW: f64 = 28.0;
/// Colours that stay apart for most eyes; dashes tell lines apart without them.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
const DASHES: [&str; 6] = ["none", "8 3", "2 3", "8 3 2 3", "12 4", "4 2"];

/// Curves over axes that begin and end with their first and last tick.
pub(super) fn lines(title: &str, x: (&str, &[Tick]), y: (&str, &[Tick]), lines: &[Line]) -> Markup {
    let across = |value: f64| LEFT + share(value, x.1) * (WIDTH - LEFT - RIGHT);
    let down = |value: f64| TOP + (1.0 - share(value, y.1)) * (HEIGHT - TOP - BOTTOM);
    html! {
        figure {
            figcaption { (title) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                @for tick in y.1 {
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(down(tick.at)) y2=(down(tick.at)) {}
                    text x=(LEFT - 6.0) y=(down(tick.at) + 4.0) text-anchor="end" { (tick.text) }
                }
                @for tick in x.1 {
                    line class="grid" y1=(TOP) y2=(HEIGHT - BOTTOM) x1=(across(tick.at)) x2=(across(tick.at)) {}
                    text x=(across(tick.at)) y=(HEIGHT - BOTTOM + 16.0) text-anchor="middle" { (tick.text) }
                }
                text x=((LEFT + WIDTH - RIGHT) / 2.0) y=(HEIGHT - 8.0) text-anchor="middle" { (x.0) }
                text x=(-(TOP + HEIGHT - BOTTOM) / 2.0) y="12" text-anchor="middle" transform="rotate(-90)" { (y.0) }
                @for (index, line) in lines.iter().enumerate() {
                    @let (colour, dash) = (COLOURS[index % COLOURS.len()], DASHES[index % DASHES.len()]);
                    @let points = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", across(*x), down(*y))).collect::<Vec<_>>().join(" ");
                    polyline points=(points) fill="none" stroke=(colour) stroke-dasharray=(dash) stroke-width="2" {}
                    @for (x, y) in &line.points { circle cx=(format!("{:.1}", across(*x))) cy=(format!("{:.1}", down(*y))) r="2.5" fill=(colour) {} }
                    @let legend = TOP + 8.0 + 20.0 * index as f64;
                    line x1=(WIDTH - RIGHT + 10.0) x2=(WIDTH - RIGHT + 34.0) y1=(legend) y2=(legend) stroke=(colour) stroke-dasharray=(dash) stroke-width="2" {}
                    text x=(WIDTH - RIGHT + 40.0) y=(legend + 4.0) { (line.name) }
                }
            }
        }
    }
}

/// Horizontal bars with intervals, over an axis from 0.
pub(super) fn bars(title: &str, axis: &str, bars: &[Bar]) -> Markup {
    let highest = bars.iter().map(|bar| bar.high.max(bar.value)).fold(1.0, f64::max);
    let ticks = even(highest);
    let across = |value: f64| RIGHT + share(value, &ticks) * (WIDTH - 2.0 * RIGHT);
    let height = ROW * bars.len() as f64;
    html! {
        figure {
            figcaption { (title) }
            svg viewBox={ "0 0 " (WIDTH) " " (height + TOP + BOTTOM) } role="img" aria-label=(title) {
                @for tick in &ticks {
                    line class="grid" x1=(across(tick.at)) x2=(across(tick.at)) y1=(TOP) y2=(TOP + height) {}
                    text x=(across(tick.at)) y=(TOP + height + 16.0) text-anchor="middle" { (tick.text) }
                }
                text x=(WIDTH / 2.0) y=(TOP + height + 36.0) text-anchor="middle" { (axis) }
                @for (index, bar) in bars.iter().enumerate() {
                    @let y = TOP + ROW * index as f64;
                    @let middle = y + ROW / 2.0;
                    text x=(across(0.0) - 6.0) y=(middle + 4.0) text-anchor="end" { (bar.name) }
                    rect x=(across(0.0)) y=(y + 5.0) width=(across(bar.value) - across(0.0)) height=(ROW - 10.0) fill=(COLOURS[0]) opacity="0.75" {}
                    line class="interval" x1=(across(bar.low)) x2=(across(bar.high)) y1=(middle) y2=(middle) {}
                    @for end in [bar.low, bar.high] { line class="interval" x1=(across(end)) x2=(across(end)) y1=(middle - 5.0) y2=(middle + 5.0) {} }
                    text x=(across(bar.high.max(bar.value)) + 6.0) y=(middle + 4.0) { (format!("{:.2} ({:.2}-{:.2})", bar.value, bar.low, bar.high)) }
                }
            }
        }
    }
}

/// Where a value lies between the first and the last tick, 0 to 1.
fn share(value: f64, ticks: &[Tick]) -> f64 {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { return 0.0 };
    let width = last.at - first.at;
    if width > 0.0 { ((value - first.at) / width).clamp(0.0, 1.0) } else { 0.0 }
}

/// Four to ten ticks from 0 to beyond `highest`.
pub(super) fn even(highest: f64) -> Vec<Tick> {
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
    let power = 10f64.powf(highest.log10().floor());
    let step = [0.2, 0.5, 1.0].into_iter().map(|part| part * power).find(|step| highest / step <= 8.0).unwrap_or(2.0 * power);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let count = (highest / step).ceil() as u64;
    (0..=count).map(|number| number as f64 * step).map(|at| Tick { at, text: format!("{at:.digits$}") }).collect()
}

/// Powers of ten around the values, at the logarithm of each.
pub(super) fn powers(values: impl Iterator<Item = f64> + Clone) -> Vec<Tick> {
    let lowest = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let highest = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil();
    if !(lowest.is_finite() && highest.is_finite()) {
        return Vec::new();
    }
    (lowest as i32..=highest.max(lowest + 1.0) as i32)
        .map(|power| Tick { at: power.into(), text: format!("{}", 10f64.powi(power)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_reach_from_zero_beyond_the_highest() {
        for highest in [0.03, 0.5, 1.0, 1.3, 7.9, 99.0, 5864.0, 1e7] {
            let ticks = even(highest);
            assert!((3..=11).contains(&ticks.len()), "{highest}: {} ticks", ticks.len());
            assert!(ticks[0].at == 0.0 && ticks[ticks.len() - 1].at >= highest, "{highest}");
        }
        assert_eq!(even(f64::NAN).len(), even(1.0).len());
    }

    #[test]
    fn powers_enclose_all_values() {
        let ticks = powers([3.0, 4500.0].into_iter());
        assert_eq!(ticks.iter().map(|tick| tick.text.as_str()).collect::<Vec<_>>(), ["1", "10", "100", "1000", "10000"]);
        assert!(powers(std::iter::empty()).is_empty());
    }
}
