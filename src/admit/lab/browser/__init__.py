"""Attacks on ways of keeping a credential, performed in a real browser against real servers on this machine."""
