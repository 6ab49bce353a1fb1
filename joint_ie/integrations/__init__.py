"""Other programs that `joint_ie` works inside of, or serves; each is imported only when asked for."""
