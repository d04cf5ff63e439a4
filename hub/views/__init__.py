"""ASK: named questions over the audit and the register, answered to an audience. Writes only that it was asked."""
