//! The queue of control actions.
//!
//! Actions stand in the order of their time. A new action goes *before* those of the same time, so of actions that fall due together the one
//! asked for last is done first. Controls are sampled in the order of their creation, hence the one created last acts first.
//!
//! In static control mode time does not pass: only the group of actions with the lowest time is done, then the network is solved again and the
//! controls are sampled anew; the others stay. In time mode everything that is due is done.

use super::{ActionCode, Clock};
use network::ElementId;

/// An action that waits for its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueuedAction {
    pub hour: i64,
    pub second: f64,
    pub code: ActionCode,
    /// The control's own number, such as the phase or the unit that the action is for.
    pub proxy: i32,
    /// Serial number, from 1, by which the action can be taken back.
    pub handle: u64,
    /// The control.
    pub owner: ElementId,
}

impl QueuedAction {
    /// Seconds since hour 0.
    pub fn seconds(&self) -> f64 {
        self.hour as f64 * 3600.0 + self.second
    }
}

/// Actions to be done, by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlQueue {
    actions: Vec<QueuedAction>,
    last_handle: u64,
}

impl ControlQueue {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action for `delay_s` after the clock's time; returns its handle.
    pub fn push(&mut self, clock: &Clock, delay_s: f64, code: ActionCode, proxy: i32, owner: ElementId) -> u64 {
        self.push_at(clock.hour, clock.second + delay_s, code, proxy, owner)
    }

    /// Adds an action for a time of its own; returns its handle. Seconds past the hour carry over; a time that is no number counts as now.
    pub fn push_at(&mut self, hour: i64, second: f64, code: ActionCode, proxy: i32, owner: ElementId) -> u64 {
        self.last_handle += 1;
        let (mut hour, mut second) = (hour, if second.is_finite() { second } else { 0.0 });
        // An hour in full stays in its hour, as OpenDSS has it.
        if second > 3600.0 {
            let carried = (second / 3600.0).floor();
            hour += carried as i64;
            second -= carried * 3600.0;
        }
        let action = QueuedAction { hour, second, code, proxy, handle: self.last_handle, owner };
        let due = action.seconds();
        let place = self.actions.iter().position(|a| due <= a.seconds()).unwrap_or(self.actions.len());
        self.actions.insert(place, action);
        self.last_handle
    }

    /// Takes an action back; nothing happens when it is no longer there.
    pub fn delete(&mut self, handle: u64) {
        self.actions.retain(|a| a.handle != handle);
    }

    /// Takes back the actions of controls that are not to be kept.
    pub fn retain_owners(&mut self, keep: impl Fn(ElementId) -> bool) {
        self.actions.retain(|a| keep(a.owner));
    }

    pub fn clear(&mut self) {
        self.actions.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Actions in the order in which they will be done.
    pub fn actions(&self) -> &[QueuedAction] {
        &self.actions
    }

    /// Hour and second of the action that is due first.
    pub fn next_time(&self) -> Option<(i64, f64)> {
        self.actions.first().map(|a| (a.hour, a.second))
    }

    /// Takes the first action out if it is due at the given time or before.
    ///
    /// Called until it returns `None`, it also yields actions that were added meanwhile and are due.
    pub fn pop_due(&mut self, hour: i64, second: f64) -> Option<QueuedAction> {
        let now = hour as f64 * 3600.0 + second;
        (self.actions.first()?.seconds() <= now).then(|| self.actions.remove(0))
    }

    /// Takes the first action out whatever its time.
    pub fn pop_any(&mut self) -> Option<QueuedAction> {
        (!self.actions.is_empty()).then(|| self.actions.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::ElementKind;

    fn owner(index: usize) -> ElementId {
        ElementId::new(ElementKind::RegulatorControl, index)
    }

    fn push(queue: &mut ControlQueue, second: f64, proxy: i32) -> u64 {
        queue.push_at(0, second, ActionCode::TapChange, proxy, owner(0))
    }

    fn order(queue: &ControlQueue) -> Vec<i32> {
        queue.actions().iter().map(|a| a.proxy).collect()
    }

    #[test]
    fn of_equal_times_the_last_pushed_is_first() {
        let mut queue = ControlQueue::new();
        push(&mut queue, 15.0, 1);
        push(&mut queue, 15.0, 2);
        push(&mut queue, 5.0, 3);
        push(&mut queue, 30.0, 4);
        push(&mut queue, 15.0, 5);
        assert_eq!(order(&queue), [3, 5, 2, 1, 4]);
        assert_eq!(queue.next_time(), Some((0, 5.0)));
    }

    #[test]
    fn what_is_due_comes_out_in_order_and_the_rest_stays() {
        let mut queue = ControlQueue::new();
        for (second, proxy) in [(30.0, 1), (15.0, 2), (15.0, 3)] {
            push(&mut queue, second, proxy);
        }
        let (hour, second) = queue.next_time().unwrap();
        assert_eq!(queue.pop_due(hour, second).unwrap().proxy, 3);
        push(&mut queue, 15.0, 4);
        assert_eq!(queue.pop_due(hour, second).unwrap().proxy, 4);
        assert_eq!(queue.pop_due(hour, second).unwrap().proxy, 2);
        assert_eq!(queue.pop_due(hour, second), None);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.pop_any().unwrap().proxy, 1);
        assert_eq!(queue.pop_any(), None);
    }

    #[test]
    fn a_handle_takes_its_own_action_back() {
        let mut queue = ControlQueue::new();
        let first = push(&mut queue, 15.0, 1);
        let second = push(&mut queue, 15.0, 2);
        assert_ne!(first, second);
        queue.delete(first);
        queue.delete(first);
        assert_eq!(order(&queue), [2]);
        queue.delete(second);
        assert!(queue.is_empty());
    }

    #[test]
    fn seconds_carry_over_into_hours() {
        let mut queue = ControlQueue::new();
        queue.push_at(2, 7205.0, ActionCode::Open, 0, owner(1));
        assert_eq!(queue.next_time(), Some((4, 5.0)));
        queue.clear();
        queue.push_at(2, 3600.0, ActionCode::Open, 0, owner(1));
        assert_eq!(queue.next_time(), Some((2, 3600.0)));
    }
}
