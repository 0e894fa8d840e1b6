//! What a phone teaches, beside an independent model.

use super::*;

/// Midnight before a Monday.
fn monday(seconds: f64) -> Wall {
    Wall(4 * 86_400_000 + (seconds * 1_000.0) as i64)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.01 * b.abs() + 1e-3
}

#[test]
fn a_new_phone_at_noon_waits_as_its_kind_does() {
    let habit = Habit::default();
    let noon = monday(12.0 * 3_600.0);
    for (context, alone, with_evidence) in
        [(Context::Busy, 173.9, 37.5), (Context::Idle, 1_150.8, 279.2), (Context::Asleep, 5_988.6, 1_542.5)]
    {
        let wait = |ratio| habit.threshold(context, noon, 1.0, ratio, 1.0).away_s;
        assert!(near(wait(1.0), alone), "{context:?}: {}", wait(1.0));
        assert!(
            context == Context::Busy && wait(33.0) <= 45.0 || near(wait(33.0), with_evidence),
            "{context:?}: {}",
            wait(33.0)
        );
        assert!(wait(50.0) < wait(1.0) && wait(1.0) < wait(0.02) || wait(0.02) >= of(&MOST, context));
    }
}

/// A list that still has it and doors that stayed shut: not the twenty minutes of a phone in use decide.
#[test]
fn witnesses_that_say_it_is_here_are_believed_for_longer_than_it_was_used() {
    let (habit, noon) = (Habit::default(), monday(43_200.0));
    let most_at = |dial| CONTEXTS.map(|context| most(context, dial));
    assert_eq!((most_at(1.0), most_at(30.0)), (MOST, MOST));
    assert_eq!(most_at(0.25), [2_400.0, 7_200.0, 9_000.0]);
    let [busy, idle, asleep] = CONTEXTS.map(|context| habit.patience(context, noon, 1e-6, 0.02, 1.0).away_s);
    assert!(busy > 1_200.0 && idle == 9_000.0 && asleep == 9_000.0, "{busy} {idle}");
}

/// What one context gets more, others get less; where departures wait the longest there is more of it.
#[test]
fn the_dial_goes_to_where_departures_wait() {
    let (habit, noon) = (Habit::default(), monday(43_200.0));
    assert!((habit.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", habit.shares);
    for context in CONTEXTS {
        let (before, now) =
            (habit.threshold(context, noon, 1.0, 1.0, 1.0).away_s, habit.patience(context, noon, 1.0, 1.0, 1.0).away_s);
        assert_eq!(context == Context::Busy, now > before, "{context:?}: {before} {now}");
    }
}

#[test]
fn the_same_spells_teach_what_they_teach_the_reference_model() {
    let mut habit = Habit::default();
    let rows = include_str!("../reference.tsv").lines().filter(|line| !line.starts_with('#'));
    for (number, row) in rows.enumerate() {
        let columns: Vec<&str> = row.split('\t').collect();
        let value = |index: usize| columns[index].parse::<f64>().expect(row);
        let context = match columns[1] {
            "busy" => Context::Busy,
            "idle" => Context::Idle,
            _ => Context::Asleep,
        };
        let began = monday(value(0));
        let away = habit.threshold(context, began, 1.0, 1.0, 1.0).away_s.max(45.0);
        assert!(near(away, value(6)), "{number}: {away} {row}");
        let joined = Some(value(3) > 0.0);
        let called_away = value(4) > 0.0;
        let home = habit.learn(
            &Ended { context, began, mute_s: value(2), joined, others: None, called_away, seen: Evidence::default() },
            1.0,
        );
        assert!(near(home, value(5)), "{number}: {home} {row}");
    }
    assert_eq!(habit.spells(), 300);
}

#[test]
fn a_phone_in_use_is_busy_then_idle_then_asleep() {
    let at = |s: u64| Mono(s * 1_000_000_000);
    let mut activity = Activity::default();
    for s in 0..60 {
        activity.spoke(at(1_000 + s * 10));
    }
    let context = |s, quiet| activity.context(at(s), quiet);
    assert_eq!(context(1_600, false), Context::Busy);
    assert_eq!((context(1_700, false), context(1_700, true)), (Context::Idle, Context::Asleep));
    assert_eq!(context(1_590 + 2_700, false), Context::Asleep);
    let mut rare = Activity::default();
    for s in 0..60 {
        rare.spoke(at(1_000 + s * 60));
    }
    assert_eq!(rare.context(at(4_600), false), Context::Asleep, "once a minute is no use");
}

#[test]
fn a_false_away_makes_it_wait_longer() {
    let noon = monday(12.0 * 3_600.0);
    let mut habit = Habit::default();
    let before = habit.threshold(Context::Idle, noon, 1.0, 1.0, 1.0).away_s;
    let spell = Ended {
        context: Context::Idle,
        began: noon,
        mute_s: before + 60.0,
        joined: Some(false),
        others: None,
        called_away: true,
        seen: Evidence::default(),
    };
    for _ in 0..2 {
        assert!(habit.learn(&spell, 1.0) > 0.5);
    }
    assert_eq!((habit.false_aways(noon), habit.false_aways(monday(31.0 * 86_400.0))), (2, 0));
    assert!(habit.threshold(Context::Idle, noon, 1.0, 1.0, 1.0).away_s > before * 1.5);
}
