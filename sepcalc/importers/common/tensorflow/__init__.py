"""TensorFlow's operators, as TFLite and TensorFlow files have them: tensors of known shapes, channels last, examples
along the first axis. A row goes by TFLite's name of the operator."""
