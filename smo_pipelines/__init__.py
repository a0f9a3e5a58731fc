"""What did an operational change do to the safety model, how sure are we, why, at what price, and do we keep it?"""

__version__ = "0.1.0"
