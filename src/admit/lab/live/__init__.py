"""The lab live: two ways to stay signed in beside each other, in a page to press buttons on."""
