"""How Django writes dates where no template says it: alike on all pages."""
