"""Models side by side over the length of their context.

contexts     the lengths that are compared
comparison   the record: what each model does at each length, and where two cross
crossings    where one curve falls below another, and how sure that is
run          from models and a device to the record
"""
