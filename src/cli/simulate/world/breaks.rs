//! # What breaks in a home, and when
//!
//! The faults of the file, laid out over the whole time.

use crate::cli::simulate::{
    dice::Dice,
    home::{Fault, Home, Lasts, Sensor, When},
    schedule::DAY,
};

/// How long a fault lasts if the home does not say.
const LASTS: f64 = 60.0;

#[derive(Debug, Clone, PartialEq)]
pub enum Break {
    /// Access points by number; empty: all.
    Points(Vec<usize>),
    /// An interface's capture, by number.
    Interface(usize),
    /// A Bluetooth ear, by number.
    Ble(usize),
    Broker,
    Gateway,
    Restart,
    Suspend,
    /// Seconds by which the wall clock is set.
    Clock(f64),
}

/// One fault: what, from, until.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    pub what: Break,
    pub from: f64,
    pub until: f64,
}

/// All faults in order. `from`: when measuring begins, from where `at` counts.
pub fn of(home: &Home, from: f64, end: f64, seed: u64) -> Vec<Broken> {
    let mut all = Vec::new();
    for (index, fault) in home.faults.iter().enumerate() {
        let mut dice = Dice::of(seed, &format!("fault {index}"));
        for what in whats(fault, home) {
            let mut begin = |at: f64, dice: &mut Dice| {
                let lasts = match fault.lasts {
                    Some(Lasts::Spread(median, sigma)) => dice.lasts(median.0, sigma),
                    Some(Lasts::Exactly(span)) => span.0,
                    None => LASTS,
                };
                let lasts = if matches!(what, Break::Clock(_)) { 0.0 } else { lasts.max(1.0) };
                if at + lasts < end {
                    all.push(Broken { what: what.clone(), from: at, until: at + lasts });
                }
            };
            if let Some(When::After(at)) = fault.at {
                begin(from + at, &mut dice);
            }
            if let Some(every) = fault.every.filter(|every| every.0 >= 60.0) {
                let mut at = dice.between(0.0, every.0);
                while at < end {
                    begin(at, &mut dice);
                    at += every.0 * dice.between(0.5, 1.5);
                }
            }
        }
    }
    all.sort_by(|a, b| a.from.total_cmp(&b.from));
    // One that stops the program ends before the next begins.
    let mut stopped_until = f64::MIN;
    all.retain(|broken| {
        if !matches!(broken.what, Break::Restart | Break::Suspend) {
            return true;
        }
        let free = broken.from > stopped_until;
        if free {
            stopped_until = broken.until + 1.0;
        }
        free
    });
    all
}

fn whats(fault: &Fault, home: &Home) -> Vec<Break> {
    let mut all = Vec::new();
    if let Some(ap) = &fault.ap_reboot {
        all.extend(home.network.aps.iter().position(|known| known == ap).map(|index| Break::Points(vec![index])));
    }
    if fault.all_aps_reboot {
        all.push(Break::Points(Vec::new()));
    }
    if let Some(named) = &fault.sensor_hang {
        let (mut interfaces, mut ears) = (0, 0);
        for sensor in &home.network.sensors {
            match sensor {
                Sensor::Interface(name) => {
                    if name == named {
                        all.push(Break::Interface(interfaces));
                    }
                    interfaces += 1;
                }
                Sensor::Ble { ble } => {
                    if ble == named {
                        all.push(Break::Ble(ears));
                    }
                    ears += 1;
                }
            }
        }
    }
    if fault.broker_down {
        all.push(Break::Broker);
    }
    if fault.gateway_down {
        all.push(Break::Gateway);
    }
    if fault.restart.is_some() {
        all.push(Break::Restart);
    }
    if fault.suspend {
        all.push(Break::Suspend);
    }
    all.extend(fault.clock_step.map(|step| Break::Clock(step.0)));
    all
}

/// Days that the world lasts, whole.
pub fn days(seconds: f64) -> u32 {
    (seconds / DAY).ceil() as u32
}
