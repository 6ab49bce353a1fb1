"""The model that comes with the package: a checkpoint folder in ``model/``, found by `joint_ie.load`."""
