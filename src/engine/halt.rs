//! The end of everything in flight on one worker, asked at the price of a flag.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Raised once, when what is in flight must be dropped. Requests ask at every poll, so asking is a look at a flag.
#[derive(Default)]
pub(super) struct Halt {
    raised: Cell<bool>,
    waiting: RefCell<Slab<Waker>>,
}

impl Halt {
    pub(super) fn raise(&self) {
        self.raised.set(true);
        for (_, waker) in self.waiting.borrow().iter() {
            waker.wake_by_ref();
        }
    }

    /// Ready once it is raised.
    pub(super) fn raised(self: &Rc<Self>) -> Raised {
        Raised { halt: Rc::clone(self), place: None }
    }
}

pub(super) struct Raised {
    halt: Rc<Halt>,
    place: Option<usize>,
}

impl Future for Raised {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.halt.raised.get() {
            return Poll::Ready(());
        }
        let halt = Rc::clone(&self.halt);
        let mut waiting = halt.waiting.borrow_mut();
        match self.place {
            Some(place) => waiting[place].clone_from(cx.waker()),
            None => self.place = Some(waiting.insert(cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.halt.waiting.borrow_mut().remove(place);
        }
    }
}
