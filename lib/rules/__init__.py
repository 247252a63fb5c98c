"""The one language of rules: conditions of alerts, triggers of guardrails. Pure.

`vocabularies`: what a kind of rule may name. `reader`: from text to a form that goes
over the wire. `closures`: from that form to what is asked. `expressions`: all of it.
"""
